package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/examples/trillianctl/internal/board"
)

// shortestInterval keeps a slip of the finger from becoming a load.
const shortestInterval = time.Second

func checkInterval(interval time.Duration) error {
	if interval < shortestInterval {
		return usageErrorf("--interval %v: want %v or more", interval, shortestInterval)
	}
	return nil
}

const intervalUsage = "how long to wait from one look to the next; longer after errors, up to five minutes"

// seenChange is a change and when it was seen, as watch prints it in JSON and CSV.
type seenChange struct {
	Time time.Time `json:"time"`
	Name string    `json:"name"`
	What string    `json:"what"`
	Old  string    `json:"old"`
	New  string    `json:"new"`
}

func newPresenceWatchCommand(a *app) *cobra.Command {
	var interval time.Duration
	var looks int
	cmd := &cobra.Command{
		Use: "watch", Short: "Print what changes: statuses, messages, devices, a line each, until an interrupt",
		Long: `Print what changes: statuses, messages, devices, a line each, until an interrupt. The
first look prints everyone. The API tells of no change by itself, so what comes and
goes between two looks is not seen. With --output json a line is an object.`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = a.with(func(ctx context.Context, c *trillian.Client, _ []string) error {
		if err := checkInterval(interval); err != nil {
			return err
		}
		if err := a.format.check(nil); err != nil {
			return err
		}
		return a.watch(ctx, c, interval, looks)
	})
	cmd.Flags().DurationVar(&interval, "interval", 10*time.Second, intervalUsage)
	cmd.Flags().IntVar(&looks, "looks", 0, "end after so `many` looks; 0 looks until an interrupt")
	cmd.Flags().StringVarP(&a.format.output, "output", "o", "table", "`format`: table (a line a change), json (an object a line) or csv"+asItIs)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "csv"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// watch prints changes as they are seen. The first look must succeed; an error of a
// later one is told, and the next one tried.
func (a *app) watch(ctx context.Context, c *trillian.Client, interval time.Duration, looks int) error {
	var before []trillian.Presence
	var failure error
	n := 0
	board.Poll(ctx, interval, c.Presence.List, func(now []trillian.Presence, err error) bool {
		n++
		switch {
		case err != nil && n == 1:
			failure = err
		case err != nil:
			a.done("%s: %v", time.Now().Format(time.TimeOnly), err)
		default:
			failure = a.printChanges(board.Changes(before, now), n == 1)
			before = now
		}
		return failure == nil && n != looks
	})
	return failure
}

func (a *app) printChanges(changes []board.Change, first bool) error {
	at := time.Now()
	lines := csv.NewWriter(a.stdout)
	objects := json.NewEncoder(a.stdout)
	objects.SetEscapeHTML(false)
	if first && a.format.output == "csv" {
		_ = lines.Write([]string{"time", "name", "what", "old", "new"}) // Error has it
	}
	for _, c := range changes {
		var err error
		switch a.format.output {
		case "json":
			err = objects.Encode(seenChange{at.UTC(), c.Name, c.What, c.Old, c.New})
		case "csv":
			err = lines.Write([]string{cellText(at), c.Name, c.What, c.Old, c.New})
		default:
			_, err = fmt.Fprintf(a.stdout, "%s  %s  %s  %s\n", at.Format(time.TimeOnly), visible(c.Name), c.What, visible(fromTo(c)))
		}
		if err != nil {
			return err
		}
	}
	lines.Flush()
	return lines.Error()
}

func fromTo(c board.Change) string {
	if c.Old != "" && c.New != "" {
		return c.Old + " → " + c.New
	}
	return c.Old + c.New
}

func newPresenceBoardCommand(a *app) *cobra.Command {
	var interval time.Duration
	var listen string
	cmd := &cobra.Command{
		Use: "board", Short: "Serve a page that shows who is where, on this machine, until an interrupt",
		Long: `Serve a page that shows who is where, on this machine, until an interrupt: name,
status, message, since when, devices and their addresses. It refreshes itself, and
fits a phone, which reaches it through a tunnel. Its address has a secret in it, so
that other users of the machine do not find it.`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = a.with(func(ctx context.Context, c *trillian.Client, _ []string) error {
		if err := checkInterval(interval); err != nil {
			return err
		}
		return a.board(ctx, c, interval, listen)
	})
	cmd.Flags().DurationVar(&interval, "interval", 10*time.Second, intervalUsage)
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "loopback `address` to listen on; port 0 is a free one")
	return cmd
}

// board serves until the context ends. The first look must succeed, so that a wrong
// token is told here and not on the page.
func (a *app) board(ctx context.Context, c *trillian.Client, interval time.Duration, listen string) error {
	page, err := board.Listen(listen)
	if err != nil {
		return usageErrorf("--listen %s: %v", listen, err)
	}
	defer page.Close()
	reader := board.Reader{Client: c}
	people, err := reader.Read(ctx)
	if err != nil {
		return err
	}
	page.Show(people, nil)
	fmt.Fprintf(a.stdout, "The board is at %s until an interrupt.\n", page.URL())
	ctx, cancel := context.WithCancel(ctx)
	var polling sync.WaitGroup
	polling.Go(func() { board.Poll(ctx, interval, reader.Read, page.Show) })
	err = page.Serve(ctx)
	cancel()
	polling.Wait()
	return err
}
