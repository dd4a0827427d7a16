package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// app is what all commands share: the streams, the global flags, and the client
// that is made of them when a command first needs one.
type app struct {
	ctx            context.Context // ends with an interrupt
	stdin          io.Reader       // to be read by way of input
	stdout, stderr io.Writer

	contextName, configPath string
	fake                    bool
	fakeScale               string
	dryRun, yes, verbose    bool
	format                  outputFlags

	running bool // a command has begun
	made    *trillian.Client
	server  *trilliantest.Server // of --fake
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *app {
	return &app{ctx: context.Background(), stdin: stdin, stdout: stdout, stderr: stderr}
}

// client returns the client that the flags, the environment and the configuration
// describe, with an administrator's token.
func (a *app) client() (*trillian.Client, error) {
	if a.made != nil {
		return a.made, nil
	}
	var opts []trillian.Option
	if a.verbose {
		opts = append(opts, trillian.WithLogger(slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	}
	if a.dryRun {
		opts = append(opts, trillian.WithMiddleware(printInstead(a.stdout)))
	}
	var err error
	a.made, err = a.connect(opts)
	return a.made, err
}

func (a *app) connect(opts []trillian.Option) (*trillian.Client, error) {
	if a.isFake() {
		if a.server == nil {
			if err := a.startFake(); err != nil {
				return nil, err
			}
		}
		return a.server.Client(opts...), nil
	}
	named, err := a.context()
	if err != nil {
		return nil, err
	}
	if named == nil {
		return trillian.NewClientFromEnv(opts...)
	}
	return named.client(opts)
}

// senderClient returns a client with a user's own token, which sending the user's
// messages needs.
func (a *app) senderClient(user string) (*trillian.Client, error) {
	client, err := a.client()
	if err != nil {
		return nil, err
	}
	token, err := a.senderToken(user)
	if err != nil {
		return nil, err
	}
	return client.WithToken(token)
}

func (a *app) senderToken(user string) (string, error) {
	if a.server != nil {
		return a.server.TokenFor(user), nil
	}
	named, err := a.context()
	if err != nil {
		return "", err
	}
	var c credential
	if named == nil {
		c = credential{Token: os.Getenv("TRILLIAN_SENDER_TOKEN"), TokenFile: os.Getenv("TRILLIAN_SENDER_TOKEN_FILE")}
	} else {
		c = named.Senders[user]
	}
	if c == (credential{}) {
		return "", usageErrorf("sending needs the own token of %s: set TRILLIAN_SENDER_TOKEN or TRILLIAN_SENDER_TOKEN_FILE, or name the user in the context's \"senders\"", user)
	}
	return c.read()
}

// close ends what client began.
func (a *app) close() {
	if a.made != nil {
		a.made.CloseIdleConnections()
	}
	if a.server != nil {
		a.server.Close()
	}
}

// confirm asks before something cannot be taken back: on a terminal; elsewhere
// --yes must have said so. What a dry run prints needs no consent.
func (a *app) confirm(question string) error {
	if a.yes || a.dryRun {
		return nil
	}
	if !isTerminal(a.stdin) {
		return usageErrorf("%s Say so with --yes: there is no terminal to ask on", question)
	}
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	answer, err := bufio.NewReader(input{a}).ReadString('\n')
	if err != nil && err != io.EOF {
		a.done("")
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return fmt.Errorf("left as it is")
}

// done says on standard error what a command without output has done.
func (a *app) done(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
