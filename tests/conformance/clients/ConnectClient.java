import java.util.Map;
import java.util.concurrent.Callable;
import org.sourcelab.kafka.connect.apiclient.Configuration;
import org.sourcelab.kafka.connect.apiclient.KafkaConnectClient;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorPluginConfigDefinition;
import org.sourcelab.kafka.connect.apiclient.request.dto.NewConnectorDefinition;
import org.sourcelab.kafka.connect.apiclient.request.post.PostConnectorRestart;

/** All that org.sourcelab:kafka-connect-client can do, on a source of files: URL CLASS NAME OPTION=VALUE ... */
public class ConnectClient {
    static int failures = 0;

    public static void main(String[] arguments) {
        var client = new KafkaConnectClient(new Configuration(arguments[0]));
        String type = arguments[1], name = arguments[2];
        var config = new java.util.HashMap<>(Map.of("connector.class", type, "name", name));
        for (int index = 3; index < arguments.length; index++) {
            String[] option = arguments[index].split("=", 2);
            config.put(option[0], option[1]);
        }
        check("version", () -> client.getConnectServerVersion().getKafkaClusterId().length() > 0);
        check("plugins", () -> client.getConnectorPlugins().stream().anyMatch(each -> each.getClassName().equals(type)));
        var asked = ConnectorPluginConfigDefinition.newBuilder().withName(type).withConfig(config).build();
        check("validate", () -> client.validateConnectorPluginConfig(asked).getErrorCount() == 0);
        var made = NewConnectorDefinition.newBuilder().withName(name).withConfig(config).build();
        check("create", () -> client.addConnector(made).getName().equals(name));
        check("running", () -> reaches(client, name, "RUNNING"));
        check("list", () -> client.getConnectors().contains(name));
        check("list with status", () -> client.getConnectorsWithExpandedStatus().getConnectorNames().contains(name));
        check("list with info", () -> client.getConnectorsWithExpandedInfo().getConnectorNames().contains(name));
        check("list with all", () -> client.getConnectorsWithAllExpandedMetadata().getConnectorNames().contains(name));
        check("get", () -> client.getConnector(name).getTasks().size() == 1);
        check("config", () -> client.getConnectorConfig(name).equals(config));
        check("update", () -> client.updateConnectorConfig(name, config).getConfig().equals(config));
        check("running again", () -> reaches(client, name, "RUNNING"));
        check("tasks", () -> client.getConnectorTasks(name).size() == 1);
        check("task's status", () -> client.getConnectorTaskStatus(name, 0).getState().equals("RUNNING"));
        check("topics", () -> client.getConnectorTopics(name).getName().equals(name));
        check("reset topics", () -> client.resetConnectorTopics(name));
        check("restart", () -> client.restartConnector(name));
        check("restart all", () -> client.restartConnector(restart(name)));
        check("restart task", () -> client.restartConnectorTask(name, 0));
        check("pause", () -> client.pauseConnector(name) && reaches(client, name, "PAUSED"));
        check("resume", () -> client.resumeConnector(name) && reaches(client, name, "RUNNING"));
        check("delete", () -> client.deleteConnector(name));
        System.exit(failures > 0 ? 1 : 0);
    }

    static PostConnectorRestart restart(String name) {
        return new PostConnectorRestart(name).withIncludeTasks(true);
    }

    /** Whether the connector and its task come to a state within 20 seconds. */
    static boolean reaches(KafkaConnectClient client, String name, String state) throws InterruptedException {
        for (int attempt = 0; attempt < 100; attempt++) {
            var status = client.getConnectorStatus(name);
            var tasks = status.getTasks();
            if (status.getConnector().get("state").equals(state)
                    && tasks.size() == 1
                    && tasks.get(0).getState().equals(state)) return true;
            Thread.sleep(200);
        }
        return false;
    }

    static void check(String operation, Callable<Boolean> done) {
        String found = "not as it should be";
        try {
            if (done.call()) found = "";
        } catch (Exception error) {
            found = error.toString();
        }
        failures += found.isEmpty() ? 0 : 1;
        System.out.println(found.isEmpty() ? "ok      " + operation : "FAILED  " + operation + ": " + found);
    }
}
