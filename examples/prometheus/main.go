// Prometheus counts the requests, retries and durations of two clients in one
// registry, by operation, over one transport of the program's own.
//
// It runs on an in-memory server that fails now and then, and prints the metrics as
// Prometheus would read them. With a port it serves them on loopback instead, until
// it is interrupted:
//
//	cd examples/prometheus && go run .
//	cd examples/prometheus && go run . -port 9464   # http://127.0.0.1:9464/metrics
//
// To measure a program of yours, copy metrics.go and give each client an
// [Metrics.Option].
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

const (
	smw = "smw@cerulean-inc.com"
	kwk = "kwk@cerulean-inc.com"
)

func main() {
	port := flag.Int("port", 0, "`port` of 127.0.0.1 to serve /metrics on; without it they are printed once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *port); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, stdout io.Writer, port int) error {
	server, err := trilliantest.Start(trilliantest.WithSampleCompany())
	if err != nil {
		return err
	}
	defer server.Close()
	server.Inject("GET /users/", trilliantest.Status(503)).Times(2)
	server.Inject("POST /users/{user}/messages/", trilliantest.DropAfter())

	registry := prometheus.NewRegistry() // not the global one, which belongs to the whole program
	metrics, err := NewMetrics(registry)
	if err != nil {
		return err
	}
	if err := work(ctx, server, metrics); err != nil {
		return err
	}
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	if port != 0 {
		return serve(ctx, stdout, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), handler)
	}
	page := httptest.NewRecorder()
	handler.ServeHTTP(page, httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil))
	_, err = page.Body.WriteTo(stdout)
	return err
}

// work is what the program does with its two clients: the administrator's lists the
// users, at the third attempt, and the sender's is never told whether its message
// arrived.
func work(ctx context.Context, server *trilliantest.Server, metrics *Metrics) error {
	transport := metrics.NewTransport()
	defer transport.CloseIdleConnections()
	shared := trillian.WithHTTPClient(&http.Client{Transport: transport})

	admin := server.Client(shared, metrics.Option("admin"))
	if _, err := admin.Users.List(ctx); err != nil {
		return err
	}
	sender, err := server.Client(shared, metrics.Option("sender")).WithToken(server.TokenFor(smw))
	if err != nil {
		return err
	}
	_, err = sender.Users.Messages.Send(ctx, kwk, trillian.MessageSend{From: smw, Text: "Welcome!"})
	if err != nil && !errors.Is(err, trillian.ErrOutcomeUnknown) {
		return err
	}
	_, err = sender.Users.Messages.Conversations(ctx, kwk) // which tells it
	return err
}

// serve answers until the context ends.
func serve(ctx context.Context, stdout io.Writer, address string, metrics http.Handler) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = web.Close() })()
	fmt.Fprintf(stdout, "http://%s/metrics\n", listener.Addr())
	if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
