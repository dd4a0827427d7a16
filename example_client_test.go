package trillian_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// A client that cannot change anything: what would is refused before it is sent,
// and its outcome is known.
func ExampleWithMiddleware_readOnly() {
	server, client := company()
	defer server.Close()
	readOnly := func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				return nil, fmt.Errorf("this client only reads: %w", trillian.ErrNotSent)
			}
			return next.RoundTrip(r)
		})
	}
	reader, err := client.With(trillian.WithMiddleware(readOnly))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = reader.Users.Delete(context.Background(), smw)
	fmt.Println(errors.Is(err, trillian.ErrNotSent), errors.Is(err, trillian.ErrOutcomeUnknown))
	_, err = reader.Users.Get(context.Background(), smw)
	fmt.Println(err)
	// Output:
	// true false
	// <nil>
}

// One limit for all clients that are derived from the first: a middleware is made
// once.
func ExampleWithMiddleware_rateLimit() {
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	limit := func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			select {
			case <-ticks.C:
				return next.RoundTrip(r)
			case <-r.Context().Done():
				return nil, errors.Join(trillian.ErrNotSent, r.Context().Err())
			}
		})
	}
	server, err := trilliantest.Start(trilliantest.WithSampleCompany())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client := server.Client(trillian.WithMiddleware(limit))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = client.Users.List(ctx)
	fmt.Println(errors.Is(err, context.Canceled))
	_, err = client.Users.List(context.Background())
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// Counting requests by operation, in names few enough for metrics.
func ExampleOperationOf() {
	counts := map[string]int{}
	counting := func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			op, _ := trillian.OperationOf(r.Context())
			counts[op.Name+" "+op.Method+" "+op.Route]++
			return next.RoundTrip(r)
		})
	}
	server, err := trilliantest.Start(trilliantest.WithSampleCompany())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client := server.Client(trillian.WithMiddleware(counting))
	for _, user := range []string{smw, kwk} {
		if _, err := client.Users.Get(context.Background(), user); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(counts)
	// Output:
	// map[Users.Get GET users/:user/:2]
}

// The response to a message is lost. It is looked for, and not sent twice.
func ExampleConfirm() {
	server, client := company()
	defer server.Close()
	ctx := context.Background()
	server.Inject("POST /users/", trilliantest.DropAfter())

	_, err := client.Users.Create(ctx, trillian.UserCreate{IM: "ann@cerulean-inc.com", Password: "correct horse"})
	fmt.Println(errors.Is(err, trillian.ErrOutcomeUnknown))
	err = trillian.Confirm(err, func() (bool, error) {
		_, err := client.Users.Get(ctx, "ann@cerulean-inc.com")
		if errors.Is(err, trillian.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	})
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// One attempt, and a longer patience, for a single call.
func ExampleClient_With() {
	server, client := company()
	defer server.Close()
	server.Inject("GET /users/", trilliantest.Status(503))
	once, err := client.With(trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1}), trillian.WithTimeout(5*time.Minute))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = once.Users.List(context.Background())
	fmt.Println(errors.Is(err, trillian.ErrServer))
	users, err := client.Users.List(context.Background())
	fmt.Println(len(users), err)
	// Output:
	// true
	// 2 <nil>
}

// What has no method of its own.
func ExampleClient_Do() {
	server, client := company()
	defer server.Close()
	var answer struct {
		Users []struct {
			Name string `xml:"name,attr"`
		} `xml:"user"`
	}
	err := client.Do(context.Background(), http.MethodGet, "users/", nil, &answer)
	fmt.Println(len(answer.Users), err)
	// Output:
	// 2 <nil>
}

func ExampleWithLogger() {
	server, err := trilliantest.Start(trilliantest.WithSampleCompany())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	bare := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: bare}))
	_, err = server.Client(trillian.WithLogger(logger)).Users.Get(context.Background(), smw)
	fmt.Println(err)
	// Output:
	// level=DEBUG msg="trillian: call" operation=Users.Get method=GET path=users/smw%40cerulean-inc.com/ attempts=1
	// <nil>
}
