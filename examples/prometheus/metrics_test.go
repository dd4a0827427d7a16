package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

func newMetrics(t *testing.T) (*Metrics, *prometheus.Registry) {
	registry := prometheus.NewPedanticRegistry()
	metrics, err := NewMetrics(registry)
	require.NoError(t, err)
	return metrics, registry
}

// counters are what all counters and histograms of a registry have counted.
func counters(t *testing.T, registry *prometheus.Registry) map[string]int {
	families, err := registry.Gather()
	require.NoError(t, err)
	counts := map[string]int{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetValue()
			}
			if h := metric.GetHistogram(); h != nil {
				counts[name] = int(h.GetSampleCount())
			} else {
				counts[name] = int(metric.GetCounter().GetValue())
			}
		}
	}
	return counts
}

func exposition(t *testing.T, registry *prometheus.Registry) string {
	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, page.Code)
	return page.Body.String()
}

func requireWithout(t *testing.T, token, text string) {
	t.Helper()
	require.NotEmpty(t, text)
	for _, spelling := range []string{token, strings.Trim(fmt.Sprintf("%q", token), `"`), url.QueryEscape(token), url.PathEscape(token)} {
		require.NotContains(t, text, spelling)
	}
}

// Labels are in the order of their names: client, code, method, operation.
func TestTwoClientsAreCountedExactly(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	server.Inject("GET /users/", trilliantest.Status(503)).Times(2)
	server.Inject("POST /users/{user}/messages/", trilliantest.DropAfter())
	metrics, registry := newMetrics(t)

	require.NoError(t, work(t.Context(), server, metrics))

	counted := counters(t, registry)
	const connections = "trillian_connections_opened_total"
	require.GreaterOrEqual(t, counted[connections], 2, "one is dropped; of the others net/http need not keep each")
	require.LessOrEqual(t, counted[connections], 5, "no more than requests")
	delete(counted, connections)
	require.Equal(t, map[string]int{
		"trillian_requests_total admin 200 GET Users.List":                          1,
		"trillian_requests_total admin 503 GET Users.List":                          2,
		"trillian_requests_total sender error POST Users.Messages.Send":             1,
		"trillian_requests_total sender 200 GET Users.Messages.Conversations":       1,
		"trillian_retries_total admin GET Users.List":                               2,
		"trillian_request_duration_seconds admin GET Users.List":                    3,
		"trillian_request_duration_seconds sender POST Users.Messages.Send":         1,
		"trillian_request_duration_seconds sender GET Users.Messages.Conversations": 1,
	}, counted)
	require.Len(t, server.Requests(), 5)
	text := exposition(t, registry)
	requireWithout(t, server.Token(), text)
	requireWithout(t, server.TokenFor(smw), text)
	for _, somebody := range []string{smw, kwk, url.PathEscape(kwk), "cerulean"} {
		require.NotContains(t, text, somebody)
	}
}

func TestRequestsAreCountedAsPrometheusReadsThem(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	server.Inject("DELETE /users/{user}/", trilliantest.RetryAfter(0))
	metrics, registry := newMetrics(t)
	client := server.Client(metrics.Option("admin"))

	require.NoError(t, client.Users.Delete(t.Context(), kwk))
	require.ErrorIs(t, client.Users.Delete(t.Context(), kwk), trillian.ErrNotFound)

	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP trillian_requests_total Requests, by the status of their response; error where none arrived, canceled where it was no longer wanted.
# TYPE trillian_requests_total counter
trillian_requests_total{client="admin",code="200",method="DELETE",operation="Users.Delete"} 1
trillian_requests_total{client="admin",code="404",method="DELETE",operation="Users.Delete"} 1
trillian_requests_total{client="admin",code="429",method="DELETE",operation="Users.Delete"} 1
# HELP trillian_retries_total Requests that repeat an earlier one of the same call; trillian_requests_total counts them too.
# TYPE trillian_retries_total counter
trillian_retries_total{client="admin",method="DELETE",operation="Users.Delete"} 1
`), "trillian_requests_total", "trillian_retries_total"))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestCanceledRequestIsNoFailureOfTheServer(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	ctx, cancel := context.WithCancel(t.Context())
	metrics, registry := newMetrics(t)
	client := server.Client(metrics.Option("admin"), trillian.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		cancel()
		return server.Transport().RoundTrip(r)
	})}))
	_, err := client.Users.List(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, counters(t, registry)["trillian_requests_total admin canceled GET Users.List"])
}

func TestRegistryHasTheMetricsOnce(t *testing.T) {
	t.Parallel()
	_, registry := newMetrics(t)
	_, err := NewMetrics(registry)
	require.ErrorAs(t, err, new(prometheus.AlreadyRegisteredError))
}

func TestRunPrints(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, 0))
	require.Contains(t, out.String(), `trillian_retries_total{client="admin",method="GET",operation="Users.List"} 2`)
	requireWithout(t, "t/+=%", out.String())
}

func TestServesOnLoopbackUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	_, registry := newMetrics(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	address, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, out, "127.0.0.1:0", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	}()
	var where string
	_, err := fmt.Fscanln(address, &where)
	require.NoError(t, err)
	resp, err := http.Get(where)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Contains(t, string(text), "trillian_connections_opened_total 0")
	cancel()
	require.NoError(t, <-ended)
}
