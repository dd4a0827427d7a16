package main

import (
	"context"
	"fmt"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// check is what was looked at and, where it is not well, what to do.
type check struct {
	name, result, detail, advice string
}

const (
	checkOK      = "ok"
	checkWarning = "warning"
	checkFailed  = "FAILED"
	checkSkipped = "skipped"
)

var checkColumns = columns[check]{
	{name: "check", value: func(c check) any { return c.name }},
	{name: "result", value: func(c check) any { return c.result }},
	{name: "detail", value: func(c check) any { return c.detail }},
	{name: "advice", value: func(c check) any { return c.advice }},
}

func newDoctorCommand(a *app) *cobra.Command {
	return a.prints(&cobra.Command{
		Use: "doctor", Short: "Find out what is between you and the server", Args: cobra.NoArgs,
		Long: `Find out what is between you and the server, and what to do about it.

Nothing is changed: whether PATCH is let through is found by changing a group chat
that cannot exist, whose name is random; whether %2F is left as it is by asking for
"policies%2F1/", which exists only if somebody on the way makes a slash of it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := newDoctor(a)
			if err != nil {
				return err
			}
			d.examine(cmd.Context())
			if err := a.print(checkColumns.list(d.checks)); err != nil {
				return err
			}
			failed := 0
			for _, c := range d.checks {
				if c.result == checkFailed {
					failed++
				}
			}
			if failed > 0 {
				return fmt.Errorf("%d of %d checks failed", failed, len(d.checks))
			}
			return nil
		},
	}, checkColumns.names()...)
}

// doctor looks at one thing after the other: what one finds, the next may need.
type doctor struct {
	app    *app
	server endpoint
	client *trillian.Client // nil where there is none to be made
	err    error            // why not
	checks []check

	policies []trillian.Policy // that the server has
}

// endpoint is how the server is reached, as the environment or a context says it.
type endpoint struct {
	source, baseURL, pin, caFile string
}

func newDoctor(a *app) (*doctor, error) {
	if a.isFake() { // one that is reached over a network, and TLS, as others are
		if err := a.startFake(trilliantest.WithTLS()); err != nil {
			return nil, err
		}
	}
	server, err := a.endpoint()
	if err != nil {
		return nil, err
	}
	d := &doctor{app: a, server: server}
	client, err := a.client()
	if err == nil {
		client, err = client.With(trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 1}), trillian.WithTimeout(patience))
	}
	d.client, d.err = client, err
	return d, nil
}

func (a *app) endpoint() (endpoint, error) {
	if a.server != nil {
		return endpoint{"--fake", a.server.BaseURL(), a.server.CertificatePin(), ""}, nil
	}
	named, err := a.context()
	if err != nil {
		return endpoint{}, err
	}
	e := endpoint{"the environment", os.Getenv("TRILLIAN_BASE_URL"), os.Getenv("TRILLIAN_CERTIFICATE_PIN"), os.Getenv("TRILLIAN_CA_FILE")}
	if named != nil {
		e = endpoint{"the context", named.BaseURL, named.CertificatePin, named.CAFile}
	}
	if e.baseURL == "" {
		e.source, e.baseURL = "the cloud's, by default", trillian.DefaultBaseURL
	}
	return e, nil
}

func (d *doctor) report(name, result, detail, advice string) {
	d.checks = append(d.checks, check{name, result, detail, advice})
}

// examine makes all checks, and says of those that had no ground to stand on that
// they were skipped.
func (d *doctor) examine(ctx context.Context) {
	base, ok := d.examineBaseURL()
	if ok {
		ok = d.examineNetwork(ctx, base)
	} else {
		d.skip("the base URL is not one", "DNS", "TLS", "certificate", "clock")
	}
	if !d.examineToken(ctx, ok) {
		d.skip("nothing is answered", "API version", "PATCH", "%2F")
		return
	}
	d.examineVersion(base)
	d.examinePATCH(ctx)
	d.examineSlash(ctx)
}

func (d *doctor) skip(why string, names ...string) {
	for _, name := range names {
		d.report(name, checkSkipped, why, "")
	}
}

func (d *doctor) examineBaseURL() (*url.URL, bool) {
	const name = "base URL"
	base, err := url.Parse(d.server.baseURL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		d.report(name, checkFailed, "it is no URL of a server", "it is like https://im.example.com/v1/: scheme, host, and everything before \"groupchats/\"")
		return nil, false
	}
	if base.User != nil || base.RawQuery != "" {
		d.report(name, checkFailed, "it has a user, a password or a query", "leave them out: the token has a variable of its own")
		return nil, false
	}
	detail := fmt.Sprintf("%s (%s)", base, d.server.source)
	if base.Scheme == "http" && !isLoopback(base.Hostname()) {
		d.report(name, checkWarning, detail, "anyone on the way can read the token and all passwords: use https")
		return base, true
	}
	d.report(name, checkOK, detail, "")
	return base, true
}
