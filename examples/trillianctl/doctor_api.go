package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"github.com/trillian-go/trillian"
)

// examineToken reports whether the API answers with this token.
func (d *doctor) examineToken(ctx context.Context, reached bool) bool {
	const name = "token"
	if d.err != nil {
		d.report(name, checkFailed, d.err.Error(), "set TRILLIAN_TOKEN or TRILLIAN_TOKEN_FILE, or name a context with --context")
		return false
	}
	if !reached {
		d.skip("the server was not reached, or is not trusted", name)
		return false
	}
	policies, err := d.client.Policies.List(ctx)
	d.policies = policies
	advice := ""
	switch {
	case err == nil:
		d.report(name, checkOK, fmt.Sprintf("accepted; the server has %d policies", len(policies)), "")
		return true
	case errors.Is(err, trillian.ErrUnauthorized):
		advice = "ask the administrator for a new one, and set it as it is, not percent-encoded"
	case errors.Is(err, trillian.ErrForbidden):
		advice = "it is no administrator's: ask for one that is"
	case errors.Is(err, trillian.ErrNotFound):
		advice = "there is no API at the base URL: it ends in the version, as in https://im.example.com/v1/"
	case errors.Is(err, trillian.ErrMalformedResponse), errors.Is(err, trillian.ErrRedirected):
		advice = "something else answers at the base URL, such as a proxy that wants a log-in"
	default:
		advice = "try again later; with --verbose there is more to see"
	}
	d.report(name, checkFailed, err.Error(), advice)
	return false
}

var versionInPath = regexp.MustCompile(`/(v[0-9]+)(/|$)`)

func (d *doctor) examineVersion(base *url.URL) {
	const name = "API version"
	version := versionInPath.FindStringSubmatch(base.Path)
	switch {
	case version == nil:
		d.report(name, checkWarning, "the base URL names none", "the API's is v1: see that it is no proxy's address for something else")
	case version[1] == "v1" || version[1] == "v2":
		d.report(name, checkOK, version[1], "")
	default:
		d.report(name, checkWarning, version[1]+", which this program has never met", "use v1 if the server has it")
	}
}

// examinePATCH changes a group chat that nobody has: that there is none is what the
// API answers, and what is between would answer otherwise.
func (d *doctor) examinePATCH(ctx context.Context) {
	const name = "PATCH"
	if d.app.dryRun {
		d.skip("not in a dry run", name)
		return
	}
	path := "groupchats/" + url.PathEscape("#trillianctl-doctor-"+rand.Text()) + "/"
	err := d.client.Do(ctx, http.MethodPatch, path, url.Values{"topic": {"never to be seen"}}, nil)
	answer, _ := errors.AsType[*trillian.Error](err)
	switch {
	case err == nil || answer == nil:
		d.report(name, checkWarning, fmt.Sprintf("an answer that nobody expects: %v", err), unlikely)
	case errors.Is(err, trillian.ErrNotFound) && !answer.Foreign:
		d.report(name, checkOK, "let through", "")
	case answer.StatusCode == http.StatusMethodNotAllowed || answer.StatusCode == http.StatusNotImplemented:
		d.report(name, checkWarning, fmt.Sprintf("refused with %d", answer.StatusCode), "nothing: the client sends POST instead when that happens; programs of your own can save the attempt by WithPATCHAsPOST")
	case answer != nil && !answer.Foreign && (errors.Is(err, trillian.ErrUnauthorized) || errors.Is(err, trillian.ErrForbidden)):
		d.report(name, checkWarning, "let through, but the token may not change anything", "use an administrator's token")
	default:
		d.report(name, checkFailed, err.Error(), "ask who runs the proxy to let PATCH through to the server")
	}
}

const unlikely = "with --verbose there is more to see"

// examineSlash asks for what there is only where %2F is taken for a slash.
func (d *doctor) examineSlash(ctx context.Context) {
	const name, needs = "%2F", "files whose id has a slash cannot be reached: let the proxy hand the path on undecoded (nginx: proxy_pass without a path; Apache: AllowEncodedSlashes NoDecode)"
	if len(d.policies) == 0 {
		d.skip("there is no policy to try it on", name)
		return
	}
	err := d.client.Do(ctx, http.MethodGet, fmt.Sprintf("policies%%2F%d/", d.policies[0].ID), nil, nil)
	answer, _ := errors.AsType[*trillian.Error](err)
	switch {
	case err == nil:
		d.report(name, checkFailed, "made a slash on the way, or by the server", needs)
	case answer == nil:
		d.report(name, checkWarning, fmt.Sprintf("an answer that nobody expects: %v", err), unlikely)
	case !answer.Foreign && answer.StatusCode != 0 && answer.StatusCode < http.StatusInternalServerError:
		d.report(name, checkOK, "left as it is", "")
	default:
		d.report(name, checkFailed, err.Error(), needs)
	}
}
