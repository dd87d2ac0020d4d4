// What tools for Kafka that are written in Go do to a log, by the three libraries that they are made of.
//
//	groups BOOTSTRAP_SERVER GROUP TOPIC RECORDS
//
// GROUP is a sink's that runs and has read the RECORDS of partition 0 of TOPIC. Each operation is a line; the exit code
// is 1 where one fails.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

type sink struct {
	broker  string
	group   string
	topic   string
	records int64
}

var failures int

// report prints a line for an operation that is done.
func report(library, operation string, err error) {
	if err != nil {
		failures++
		fmt.Printf("FAILED  %s: %s: %v\n", library, operation, err)
		return
	}
	fmt.Printf("ok      %s: %s\n", library, operation)
}

// eventually answers nil, or the last error after five seconds: Apache Kafka's brokers learn of a topic after it is made.
func eventually(done func() error) error {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if err := done(); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// expect is an error unless both are the same.
func expect[T comparable](what string, found, expected T) error {
	if found == expected {
		return nil
	}
	return fmt.Errorf("%s is %v and should be %v", what, found, expected)
}

func main() {
	records, err := strconv.ParseInt(os.Args[4], 10, 64)
	if err != nil {
		panic(err)
	}
	it := sink{os.Args[1], os.Args[2], os.Args[3], records}
	withSarama(it)
	withFranz(it)
	withKafkaGo(it)
	if failures > 0 {
		os.Exit(1)
	}
}
