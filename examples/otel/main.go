// Otel traces a client with OpenTelemetry: a span for every request, named by its
// route, with the operation and the number of repetitions as attributes, and without
// the token.
//
// It runs on an in-memory server that fails now and then, and prints the spans to
// standard output:
//
//	cd examples/otel && go run .
//
// To trace a program of yours, copy tracing.go and give the client [WithTracing] and
// the program's own TracerProvider.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

const (
	smw = "smw@cerulean-inc.com"
	kwk = "kwk@cerulean-inc.com"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, stdout io.Writer) (err error) {
	exporter, err := stdouttrace.New(stdouttrace.WithWriter(stdout), stdouttrace.WithPrettyPrint())
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter)) // yours: WithBatcher, and otlptracehttp
	defer func() { err = errors.Join(err, provider.Shutdown(ctx)) }()

	server, err := trilliantest.Start(trilliantest.WithSampleCompany())
	if err != nil {
		return err
	}
	defer server.Close()
	server.Inject("GET /users/{user}/", trilliantest.Status(503)).Times(2)
	server.Inject("POST /users/{user}/messages/", trilliantest.DropAfter())

	sender, err := server.Client(WithTracing(provider)).WithToken(server.TokenFor(smw))
	if err != nil {
		return err
	}
	defer sender.CloseIdleConnections()
	err = inSpan(ctx, provider, "greet", func(ctx context.Context) error { return greet(ctx, provider, sender) })
	if errors.Is(err, trillian.ErrOutcomeUnknown) {
		_, err = fmt.Fprintln(stdout, "As was to be expected:", err)
	}
	return err
}

// greet finds its user at the third attempt, and is never told whether its message
// arrived.
func greet(ctx context.Context, provider trace.TracerProvider, sender *trillian.Client) error {
	err := inSpan(ctx, provider, "find the user", func(ctx context.Context) error {
		_, err := sender.Users.Get(ctx, kwk)
		return err
	})
	if err != nil {
		return err
	}
	return inSpan(ctx, provider, "send the message", func(ctx context.Context) error {
		_, err := sender.Users.Messages.Send(ctx, kwk, trillian.MessageSend{From: smw, Text: "Welcome!"})
		return err
	})
}
