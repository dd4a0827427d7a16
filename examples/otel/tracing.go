package main

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/trillian-go/trillian"
)

// scope names this instrumentation in every span that it begins itself.
const scope = "github.com/trillian-go/trillian/examples/otel"

// WithTracing makes a span of every request, named by its route: "GET users/:user/".
// It is a middleware and not a transport of an http.Client, since only the transport
// below all middleware is given the token.
//
// The url.full that otelhttp adds has no token, but it does have the user or chat
// that the request is about: overwrite it in describe where that is too much.
func WithTracing(provider trace.TracerProvider) trillian.Option {
	return trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return otelhttp.NewTransport(describe{next},
			otelhttp.WithTracerProvider(provider),
			// A proxy before the server may go on with the trace. Baggage is not sent: it
			// is the program's own, and the server somebody else's.
			otelhttp.WithPropagators(propagation.TraceContext{}),
			otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return spanName(r.Context()) }),
		)
	})
}

// spanName is what OpenTelemetry asks of HTTP clients: the verb and the template of
// the path, which has few values. [trillian.Client.Do] may have no template.
func spanName(ctx context.Context) string {
	op, _ := trillian.OperationOf(ctx)
	return strings.TrimSpace(op.Method + " " + op.Route)
}

// describe adds the operation to the span that otelhttp began above it.
type describe struct{ next http.RoundTripper }

func (d describe) RoundTrip(r *http.Request) (*http.Response, error) {
	if op, ok := trillian.OperationOf(r.Context()); ok {
		span := trace.SpanFromContext(r.Context())
		span.SetAttributes(attribute.String("trillian.operation", op.Name))
		if op.Route != "" {
			span.SetAttributes(semconv.URLTemplate(op.Route))
		}
		if op.Attempt > 1 { // the convention leaves it out of what is not a repetition
			span.SetAttributes(semconv.HTTPRequestResendCount(op.Attempt - 1))
		}
	}
	return d.next.RoundTrip(r)
}

// inSpan runs work in a span of its own, the parent of its requests. A middleware
// sees requests and not calls, so that this is where the end of a call is told: how
// the last attempt went is not yet what became of the call.
func inSpan(ctx context.Context, provider trace.TracerProvider, name string, work func(context.Context) error) error {
	ctx, span := provider.Tracer(scope).Start(ctx, name)
	defer span.End()
	err := work(ctx)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	return err
}
