package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const patience = 30 * time.Second

// withFranz does what kminion does: lags by the groups' API, and the same from __consumer_offsets itself.
func withFranz(it sink) {
	context, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(it.broker))
	if err != nil {
		report("franz-go", "client", err)
		return
	}
	defer client.Close()
	admin := kadm.NewClient(client)

	groups, err := admin.ListGroups(context)
	if err == nil && groups[it.group].Group == "" {
		err = errors.New("the group is not listed")
	}
	report("franz-go", "list groups", err)

	lags, err := admin.Lag(context, it.group)
	if err == nil {
		lag := lags[it.group]
		err = errors.Join(lag.Error(), expect("lag", lag.Lag.Total(), 0), expect("state", lag.State, "Stable"),
			expect("commit", lag.Lag[it.topic][0].Commit.At, it.records))
	}
	report("franz-go", "lag", err)

	_, err = admin.DescribeAllLogDirs(context, nil)
	report("franz-go", "log directories", err)
	described, err := admin.DescribeTopicConfigs(context, it.topic)
	if err == nil {
		_, err = described.On(it.topic, nil)
	}
	report("franz-go", "topic configs", err)
	report("franz-go", "offsets topic", committedInOffsetsTopic(context, it))
}

// committedInOffsetsTopic reads __consumer_offsets, as kminion does by its scrape mode offsetsTopic.
func committedInOffsetsTopic(context context.Context, it sink) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(it.broker), kgo.ConsumeTopics("__consumer_offsets"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	for context.Err() == nil {
		fetches := client.PollFetches(context)
		for records := fetches.RecordIter(); !records.Done(); {
			record := records.Next()
			key, value := kmsg.NewOffsetCommitKey(), kmsg.NewOffsetCommitValue()
			if len(record.Key) < 2 || record.Key[1] > 1 || key.ReadFrom(record.Key) != nil || record.Value == nil {
				continue
			}
			if err := value.ReadFrom(record.Value); err != nil {
				return err
			}
			if key.Group == it.group && key.Topic == it.topic && value.Offset == it.records {
				return nil
			}
		}
	}
	return fmt.Errorf("no record says that %s is at %d", it.group, it.records)
}
