// All that kafka-connect-client of npm can do, on a source of files: HOST PORT CLASS NAME CONFIG
const { createRequire } = require("node:module");
const { KafkaConnectClient } = createRequire(`${process.cwd()}/`)("kafka-connect-client");

const [host, port, plugin, name, text] = process.argv.slice(2);
const config = { "connector.class": plugin, ...JSON.parse(text) };
const client = new KafkaConnectClient({ host, port });
const connector = client.connector(name);

async function check(operation, call, isRight = () => true) {
  try {
    const answer = await call();
    if (!isRight(answer.data)) throw new Error(`answers ${JSON.stringify(answer.data)}`);
    console.log(`ok      ${operation}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAILED  ${operation}: ${error.message} ${JSON.stringify(error.response?.data)}`);
  }
}

/** The status once the connector and its tasks are in a state, within 20 seconds. */
async function reach(state, tasks = 1) {
  for (let attempt = 0; ; attempt++) {
    const status = await connector.getStatus().catch((error) => error.response);
    const found = [status.data.connector, ...(status.data.tasks ?? [])].map((each) => each?.state);
    if (found.length === tasks + 1 && found.every((each) => each === state)) return status;
    if (attempt === 100) throw new Error(`not ${state} but ${found}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function main() {
  await check("cluster", () => client.getCluster(), (data) => data.kafka_cluster_id);
  await check("plugins", () => client.getConnectorPlugins(), (data) => data.some((each) => each.class === plugin));
  await check("validate", () => client.validateConnectorConfig(plugin, { name, ...config }), (data) => data.error_count === 0);
  await check("create", () => client.createConnector(name, config));
  await check("running", () => reach("RUNNING"));
  await check("list", () => client.getConnectors(), (data) => data.includes(name));
  for (const expand of ["status", "info"]) {
    await check(`list with ${expand}`, () => client.getConnectors({ expand }), (data) => data[name][expand]);
  }
  await check("get", () => connector.get(), (data) => data.name === name);
  await check("config", () => connector.getConfig(), (data) => data["connector.class"] === plugin);
  await check("update", () => connector.updateConfig(config), (data) => data.config.name === name);
  await check("running again", () => reach("RUNNING"));
  await check("tasks", () => connector.getTasks(), (data) => data.length === 1);
  await check("task's status", () => connector.getTaskStatus(0), (data) => data.state === "RUNNING");
  await check("restart", () => connector.restart());
  await check("restart with tasks", () => connector.restart({ includeTasks: true }));
  await check("restart task", () => connector.restartTask(0));
  await check("reset topics", () => connector.resetTopics());
  await check("pause", () => connector.pause());
  await check("paused", () => reach("PAUSED"));
  await check("resume", () => connector.resume());
  await check("running at last", () => reach("RUNNING"));
  await check("offsets", () => connector.getOffsets(), (data) => data.offsets);
  await check("stop", () => connector.stop());
  await check("stopped", () => reach("STOPPED", 0));
  await check("reset offsets", () => connector.resetOffsets());
  await check("delete", () => connector.delete());
}

main();
