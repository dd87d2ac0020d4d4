package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// withKafkaGo does what topicctl does: topics made, grown, described, changed; groups and their members; lags.
func withKafkaGo(it sink) {
	context, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client := &kafka.Client{Addr: kafka.TCP(it.broker)}
	const name, library = "made-by-kafka-go", "kafka-go"

	created, err := client.CreateTopics(context, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
		{Topic: name, NumPartitions: 1, ReplicationFactor: 1},
	}})
	if err == nil {
		err = created.Errors[name]
	}
	report(library, "create topic", err)
	grown, err := client.CreatePartitions(context, &kafka.CreatePartitionsRequest{
		Topics: []kafka.TopicPartitionsConfig{{Name: name, Count: 2}},
	})
	if err == nil {
		err = grown.Errors[name]
	}
	report(library, "add partitions", err)
	changed, err := client.IncrementalAlterConfigs(context, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: name,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "retention.ms", Value: "100000000"}},
		}},
	})
	if err == nil {
		err = changed.Resources[0].Error
	}
	report(library, "alter configs", err)
	report(library, "describe configs", eventually(func() error {
		configs, err := client.DescribeConfigs(context, &kafka.DescribeConfigsRequest{
			Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: name}},
		})
		if err != nil {
			return err
		}
		return errors.Join(configs.Resources[0].Error, retention(configs.Resources[0].ConfigEntries))
	}))
	metadata, err := client.Metadata(context, &kafka.MetadataRequest{Topics: []string{it.topic}})
	if err == nil {
		err = expect("partitions", len(metadata.Topics[0].Partitions), 1)
	}
	report(library, "metadata", err)
	described, err := client.DescribeGroups(context, &kafka.DescribeGroupsRequest{GroupIDs: []string{it.group}})
	if err == nil {
		group := described.Groups[0]
		err = errors.Join(group.Error, expect("state", group.GroupState, "Stable"), hasMember(group, it.topic))
	}
	report(library, "describe group", err)
	report(library, "lag", lag(context, client, it))
	report(library, "read", readAll(context, it))
	deleted, err := client.DeleteTopics(context, &kafka.DeleteTopicsRequest{Topics: []string{name}})
	if err == nil {
		err = deleted.Errors[name]
	}
	report(library, "delete topic", err)
}

func retention(entries []kafka.DescribeConfigResponseConfigEntry) error {
	for _, entry := range entries {
		if entry.ConfigName == "retention.ms" {
			return expect("retention.ms", entry.ConfigValue, "100000000")
		}
	}
	return errors.New("retention.ms is not described")
}

func hasMember(group kafka.DescribeGroupsResponseGroup, topic string) error {
	for _, member := range group.Members {
		for _, assigned := range member.MemberAssignments.Topics {
			if assigned.Topic == topic {
				return nil
			}
		}
	}
	return fmt.Errorf("no member of %s reads %s", group.GroupID, topic)
}

func lag(context context.Context, client *kafka.Client, it sink) error {
	fetched, err := client.OffsetFetch(context, &kafka.OffsetFetchRequest{
		GroupID: it.group, Topics: map[string][]int{it.topic: {0}},
	})
	if err != nil {
		return err
	}
	listed, err := client.ListOffsets(context, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{it.topic: {kafka.LastOffsetOf(0)}},
	})
	if err != nil {
		return err
	}
	committed, end := fetched.Topics[it.topic][0].CommittedOffset, listed.Topics[it.topic][0].LastOffset
	return errors.Join(expect("commit", committed, it.records), expect("end", end, it.records))
}

func readAll(context context.Context, it sink) error {
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{it.broker}, Topic: it.topic})
	defer reader.Close()
	for number := int64(0); number < it.records; number++ {
		if _, err := reader.ReadMessage(context); err != nil {
			return err
		}
	}
	return nil
}
