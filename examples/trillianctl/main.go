// Trillianctl administers a Trillian Server: its users, groups, policies, group
// chats, files, messages and presence. With --fake it does so on a server in
// memory, so that everything can be tried at once:
//
//	go run . --fake users list
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends what the first does not
	code := run(ctx, newApp(os.Stdin, os.Stdout, os.Stderr), os.Args[1:])
	stop()
	os.Exit(code)
}

// run carries out one command line and returns its exit code.
func run(ctx context.Context, a *app, args []string) int {
	defer a.close()
	a.ctx = ctx
	root := newRootCommand(a)
	root.SetArgs(args)
	err := a.settle(root.ExecuteContext(ctx))
	if err != nil {
		fmt.Fprintln(a.stderr, "trillianctl:", err)
	}
	return exitCode(err)
}
