package main

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// withSarama does what kaf, kafkactl and kafka_exporter do, at the versions that they say they speak.
func withSarama(it sink) {
	for _, version := range []sarama.KafkaVersion{sarama.V2_0_0_0, sarama.DefaultVersion, sarama.V3_6_0_0, sarama.MaxVersion} {
		library := "sarama as " + version.String()
		config := sarama.NewConfig()
		config.Version = version
		client, err := sarama.NewClient([]string{it.broker}, config)
		if err != nil {
			report(library, "client", err)
			continue
		}
		admin, err := sarama.NewClusterAdminFromClient(client)
		if err != nil {
			report(library, "admin", err)
			continue
		}
		groupsBySarama(library, it, client, admin)
		topicsBySarama(library, "made-by-sarama-"+version.String(), admin)
		admin.Close()
	}
}

func groupsBySarama(library string, it sink, client sarama.Client, admin sarama.ClusterAdmin) {
	groups, err := admin.ListConsumerGroups()
	if _, listed := groups[it.group]; err == nil && !listed {
		err = errors.New("the group is not listed")
	}
	report(library, "list groups", err)

	described, err := admin.DescribeConsumerGroups([]string{it.group})
	if err == nil {
		err = errors.Join(expect("state", described[0].State, "Stable"), readsTopic(described[0], it.topic))
	}
	report(library, "describe group", err)

	offsets, err := admin.ListConsumerGroupOffsets(it.group, map[string][]int32{it.topic: {0}})
	if err == nil {
		err = expect("commit", offsets.GetBlock(it.topic, 0).Offset, it.records)
	}
	report(library, "group's offsets", err)

	for at, expected := range map[int64]int64{sarama.OffsetNewest: it.records, sarama.OffsetOldest: 0} {
		offset, err := client.GetOffset(it.topic, 0, at)
		if err == nil {
			err = expect("offset", offset, expected)
		}
		report(library, fmt.Sprintf("offset at %d", at), err)
	}
}

func readsTopic(group *sarama.GroupDescription, topic string) error {
	for _, member := range group.Members {
		assignment, err := member.GetMemberAssignment()
		if err != nil {
			return err
		}
		if _, reads := assignment.Topics[topic]; reads {
			return nil
		}
	}
	return fmt.Errorf("no member reads %s", topic)
}

func topicsBySarama(library, name string, admin sarama.ClusterAdmin) {
	value := "100000000"
	report(library, "create topic", admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	report(library, "add partitions", admin.CreatePartitions(name, 2, nil, false))
	report(library, "alter configs", eventually(func() error {
		return admin.AlterConfig(sarama.TopicResource, name, map[string]*string{"retention.ms": &value}, false)
	}))
	report(library, "describe configs", eventually(func() error {
		entries, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: name})
		if err == nil && len(entries) == 0 {
			err = errors.New("no configs")
		}
		return err
	}))
	_, controller, err := admin.DescribeCluster()
	if err == nil && controller < 0 {
		err = errors.New("no controller")
	}
	report(library, "describe cluster", err)
	_, err = admin.DescribeLogDirs([]int32{controller})
	report(library, "log directories", err)
	report(library, "delete records", admin.DeleteRecords(name, map[int32]int64{0: 0}))
	report(library, "delete topic", admin.DeleteTopic(name))
}
