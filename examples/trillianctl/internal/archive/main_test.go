package archive

import (
	"context"
	"database/sql/driver"
	"fmt"
	"os"
	"strings"
	"testing"

	"modernc.org/sqlite"

	"github.com/trillian-go/trillian"
)

// The test binary is also the program that the tests kill and measure: with an
// archive in the environment it runs on it, against the server named there.
const (
	archiveVariable = "ARCHIVE_TEST_FILE"
	onlyReads       = "-" // instead of an archive: reads the same with the SDK
)

func TestMain(m *testing.M) {
	path := os.Getenv(archiveVariable)
	if path == "" {
		os.Exit(m.Run())
	}
	if err := child(context.Background(), path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(ctx context.Context, path string) error {
	sqlite.MustRegisterScalarFunction("die", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		if self, err := os.FindProcess(os.Getpid()); err != nil || self.Kill() != nil {
			panic("it cannot kill itself")
		}
		select {} // until it is dead
	})
	client, err := trillian.NewClientFromEnv()
	if err != nil {
		return err
	}
	if path == onlyReads {
		err = readAll(ctx, client)
	} else {
		_, err = Run(ctx, client, path, Options{})
	}
	fmt.Println(peakMemory())
	return err
}

// peakMemory is the most memory that the process had, as Linux has it.
func peakMemory() string {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if size, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(size)
		}
	}
	return ""
}

// readAll reads what an archive reads, and keeps nothing.
func readAll(ctx context.Context, client *trillian.Client) error {
	chats, err := client.GroupChats.List(ctx, nil)
	if err != nil {
		return err
	}
	users, err := client.Users.List(ctx)
	if err != nil {
		return err
	}
	owners := make([]string, 0, len(chats)+len(users))
	for _, c := range chats {
		owners = append(owners, c.Name)
	}
	for _, u := range users {
		owners = append(owners, u.Name)
	}
	for _, owner := range owners {
		for _, err := range histories(client, owner).Weeks(ctx, owner, &trillian.HistoryOptions{Concurrency: defaultConcurrency}) {
			if err != nil {
				return err
			}
		}
	}
	return nil
}
