package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trillian-go/trillian"
)

// Metrics counts what the clients of a program send. No label names a user, a chat or
// anything else of which there may be many.
type Metrics struct {
	requests    *prometheus.CounterVec
	retries     *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	connections prometheus.Counter
}

// NewMetrics registers the metrics, once for all clients of a registry.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trillian_requests_total",
			Help: "Requests, by the status of their response; error where none arrived, canceled where it was no longer wanted.",
		}, []string{"client", "operation", "method", "code"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trillian_retries_total",
			Help: "Requests that repeat an earlier one of the same call; trillian_requests_total counts them too.",
		}, []string{"client", "operation", "method"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "trillian_request_duration_seconds",
			Help:    "Time from a request to the header of its response, or to its failure.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"client", "operation", "method"}),
		connections: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "trillian_connections_opened_total",
			Help: "Connections that the transport of NewTransport opened.",
		}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.retries, m.duration, m.connections} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Option counts the requests of one client, and of those that its WithToken and With
// derive, under the name that the program gives it. It goes behind the option of a
// rate limiter, which holds back what is not to be counted.
//
// It is written out, since promhttp.InstrumentRoundTripperCounter does not count a
// request that no response came for.
func (m *Metrics) Option(client string) trillian.Option {
	return trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			op, _ := trillian.OperationOf(r.Context())
			if op.Attempt > 1 {
				m.retries.WithLabelValues(client, op.Name, op.Method).Inc()
			}
			begin := time.Now()
			resp, err := next.RoundTrip(r)
			m.duration.WithLabelValues(client, op.Name, op.Method).Observe(time.Since(begin).Seconds())
			m.requests.WithLabelValues(client, op.Name, op.Method, code(resp, err)).Inc()
			return resp, err
		})
	})
}

func code(resp *http.Response, err error) string {
	switch {
	case err == nil:
		return strconv.Itoa(resp.StatusCode)
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "error"
}

// NewTransport is what requests leave by, for [trillian.WithHTTPClient]. It is made
// from nothing: what a program puts into http.DefaultTransport may look at requests,
// and here, below the middleware, their URLs have the token. It counts connections.
func (m *Metrics) NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		ForceAttemptHTTP2:   true,
		MaxConnsPerHost:     8,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err == nil {
				m.connections.Inc()
			}
			return conn, err
		},
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
