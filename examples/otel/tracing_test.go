package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

func newProvider(t *testing.T) (*sdktrace.TracerProvider, *tracetest.InMemoryExporter) {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	t.Cleanup(func() { require.NoError(t, provider.Shutdown(context.Background())) })
	return provider, exporter
}

func attributes(list []attribute.KeyValue) map[string]string {
	values := map[string]string{}
	for _, kv := range list {
		values[string(kv.Key)] = kv.Value.String()
	}
	return values
}

// textsOf are all the texts of a span.
func textsOf(s tracetest.SpanStub) []string {
	texts := []string{s.Name, s.Status.Description, s.SpanContext.TraceState().String(), fmt.Sprintf("%+v", s)}
	add := func(list []attribute.KeyValue) {
		for _, kv := range list {
			texts = append(texts, string(kv.Key), kv.Value.String())
		}
	}
	add(s.Attributes)
	add(s.Resource.Attributes())
	add(s.InstrumentationScope.Attributes.ToSlice())
	for _, event := range s.Events {
		texts = append(texts, event.Name)
		add(event.Attributes)
	}
	for _, link := range s.Links {
		add(link.Attributes)
	}
	return texts
}

// holding are the texts that hold a token, raw or escaped.
func holding(token string, texts ...string) (found []string) {
	once := url.QueryEscape(token)
	spellings := []string{token, once, url.QueryEscape(once), url.PathEscape(token)}
	for _, text := range texts {
		for _, spelling := range spellings {
			if strings.Contains(strings.ToLower(text), strings.ToLower(spelling)) {
				found = append(found, text)
				break
			}
		}
	}
	return found
}

// telltale fails the first request with an error that quotes its URL, as transports do.
type telltale struct {
	next http.RoundTripper
	told *string
}

func (tt telltale) RoundTrip(r *http.Request) (*http.Response, error) {
	if *tt.told == "" {
		*tt.told = r.URL.String()
		return nil, fmt.Errorf("cannot reach %v: %w", r.URL, errors.New("connection reset"))
	}
	return tt.next.RoundTrip(r)
}

func TestSpansAreRequestsAndHoldNoToken(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	server.Inject("GET /users/{user}/", trilliantest.Status(503)).Times(2)
	server.Inject("POST /users/{user}/messages/", trilliantest.DropAfter())
	provider, exporter := newProvider(t)
	sender, err := server.Client(WithTracing(provider)).WithToken(server.TokenFor(smw))
	require.NoError(t, err)

	require.ErrorIs(t, greet(t.Context(), provider, sender), trillian.ErrOutcomeUnknown)

	var told []string
	spans := exporter.GetSpans()
	for _, s := range spans {
		a := attributes(s.Attributes)
		told = append(told, strings.TrimSpace(fmt.Sprintf("%s | %s %s %s %s | %v", s.Name, a["trillian.operation"],
			a["url.template"], a["http.request.resend_count"], a["http.response.status_code"], s.Status.Code)))
		require.Empty(t, holding(server.TokenFor(smw), textsOf(s)...))
		require.Empty(t, holding(server.Token(), textsOf(s)...))
	}
	require.Equal(t, []string{
		"GET users/:user/ | Users.Get users/:user/  503 | Error",
		"GET users/:user/ | Users.Get users/:user/ 1 503 | Error",
		"GET users/:user/ | Users.Get users/:user/ 2 200 | Unset",
		"find the user |     | Unset",
		"POST users/:user/messages/ | Users.Messages.Send users/:user/messages/   | Error",
		"send the message |     | Error",
	}, told)
	require.Contains(t, spans[5].Status.Description, "may have been carried out")
	for _, s := range spans[:3] {
		require.Equal(t, spans[3].SpanContext.SpanID(), s.Parent.SpanID())
	}
	require.Equal(t, spans[5].SpanContext.SpanID(), spans[4].Parent.SpanID())
}

func TestErrorThatQuotesTheURLHoldsNoToken(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	provider, exporter := newProvider(t)
	var sent string
	client := server.Client(WithTracing(provider), trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1}),
		trillian.WithHTTPClient(&http.Client{Transport: telltale{server.Transport(), &sent}}))

	err := inSpan(t.Context(), provider, "list", func(ctx context.Context) error {
		_, err := client.Users.List(ctx)
		return err
	})
	require.Error(t, err)
	require.NotEmpty(t, holding(server.Token(), sent), "the transport was not given the token")
	spans := exporter.GetSpans()
	require.Len(t, spans, 2)
	for _, s := range spans {
		require.Equal(t, codes.Error, s.Status.Code)
		require.Contains(t, s.Status.Description, "token=[redacted]: connection reset")
		require.Empty(t, holding(server.Token(), textsOf(s)...))
	}
}

// The same search finds the token where otelhttp is put beneath the client.
func TestBeneathTheClientASpanHoldsTheToken(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	provider, exporter := newProvider(t)
	beneath := otelhttp.NewTransport(server.Transport(), otelhttp.WithTracerProvider(provider))
	_, err := server.Client(trillian.WithHTTPClient(&http.Client{Transport: beneath})).Users.List(t.Context())
	require.NoError(t, err)
	require.Len(t, exporter.GetSpans(), 1)
	require.NotEmpty(t, holding(server.Token(), textsOf(exporter.GetSpans()[0])...))
}

func TestServerIsToldTheTraceAndNoBaggage(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	server.Inject("GET /users/", trilliantest.Status(503))
	provider, exporter := newProvider(t)
	member, err := baggage.NewMember("customer", "42")
	require.NoError(t, err)
	bag, err := baggage.New(member)
	require.NoError(t, err)

	_, err = server.Client(WithTracing(provider)).Users.List(baggage.ContextWithBaggage(t.Context(), bag))
	require.NoError(t, err)
	spans, requests := exporter.GetSpans(), server.RequestsTo("GET /users/")
	require.Len(t, spans, 2)
	require.Len(t, requests, 2)
	for i, r := range requests {
		want := fmt.Sprintf("00-%s-%s-01", spans[i].SpanContext.TraceID(), spans[i].SpanContext.SpanID())
		require.Equal(t, want, r.Header.Get("Traceparent"))
		require.Empty(t, r.Header.Get("Baggage"))
	}
}

func TestSpanOfDoWithoutARoute(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	provider, exporter := newProvider(t)
	require.NoError(t, server.Client(WithTracing(provider)).Do(t.Context(), http.MethodGet, "users/"+url.PathEscape(smw)+"/", nil, nil))
	require.Len(t, exporter.GetSpans(), 1)
	require.Equal(t, "GET", exporter.GetSpans()[0].Name)
	require.NotContains(t, attributes(exporter.GetSpans()[0].Attributes), "url.template")
}

func TestRunPrintsSpans(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, name := range []string{"GET users/:user/", "POST users/:user/messages/", "greet"} {
		require.Contains(t, out.String(), fmt.Sprintf("%q: %q", "Name", name))
	}
	require.Contains(t, out.String(), "As was to be expected: trillian: POST users/")
	require.Empty(t, holding("t/+=%", out.String()))
}
