/* Counts words with Kafka Streams and checks the counts: a state store, its changelog and a repartition topic. */

import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;

public class WordCount {
    static final int LINES = 1000;
    static final Duration DEADLINE = Duration.ofSeconds(60);

    public static void main(String[] arguments) throws Exception {
        String bootstrapServers = arguments[0];
        String guarantee = arguments[1];
        String name = "word-count-" + System.nanoTime();
        String input = name + "-input", output = name + "-output";
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers))) {
            admin.createTopics(List.of(new NewTopic(input, 2, (short) 1), new NewTopic(output, 1, (short) 1))).all().get();
        }
        produce(bootstrapServers, input);
        try (KafkaStreams streams = new KafkaStreams(topology(input, output), settings(bootstrapServers, name, guarantee))) {
            streams.start();
            Map<String, Long> counts = countsOf(bootstrapServers, output);
            System.out.println(counts);
            System.exit(complete(counts) ? 0 : 1);
        }
    }

    static void produce(String bootstrapServers, String topic) {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrapServers);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (int line = 0; line < LINES; line++) {
                producer.send(new ProducerRecord<>(topic, "line" + line, line % 2 == 0 ? "to be or not to be" : "not to be"));
            }
        }
    }

    static Topology topology(String input, String output) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, String> lines = builder.stream(input);
        lines.flatMapValues(line -> Arrays.asList(line.split(" ")))
            .groupBy((key, word) -> word)
            .count()
            .toStream()
            .to(output, Produced.with(Serdes.String(), Serdes.Long()));
        return builder.build();
    }

    static Properties settings(String bootstrapServers, String name, String guarantee) {
        Properties settings = new Properties();
        settings.put("application.id", name);
        settings.put("bootstrap.servers", bootstrapServers);
        settings.put("processing.guarantee", guarantee);
        settings.put("commit.interval.ms", 200);
        settings.put("state.dir", System.getProperty("java.io.tmpdir") + "/" + name);
        settings.put("default.key.serde", Serdes.StringSerde.class);
        settings.put("default.value.serde", Serdes.StringSerde.class);
        return settings;
    }

    /** The last count of each word, as soon as they are complete, or at the deadline. */
    static Map<String, Long> countsOf(String bootstrapServers, String topic) {
        Map<String, Long> counts = new HashMap<>();
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", bootstrapServers, "group.id", topic,
            "auto.offset.reset", "earliest", "isolation.level", "read_committed");
        long end = System.nanoTime() + DEADLINE.toNanos();
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new LongDeserializer())) {
            consumer.subscribe(List.of(topic));
            while (System.nanoTime() < end && !complete(counts)) {
                consumer.poll(Duration.ofMillis(200)).forEach(record -> counts.put(record.key(), record.value()));
            }
        }
        return counts;
    }

    static boolean complete(Map<String, Long> counts) {
        long half = LINES / 2;
        return counts.equals(Map.of("to", 3 * half, "be", 3 * half, "or", half, "not", 2 * half));
    }
}
