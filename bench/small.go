package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trillian-go/trillian"
)

const token = "a-token-of-some-length-0123456789"

// Our call as a person would write it without the package, as the table names it.
const (
	handWritten = "hand-written, encoding/xml"
	handWithOur = "hand-written, our decoder" // what is more than that is the client
)

// caller is a client's smallest call beside the same one written by hand:
// http.Client.Do, io.ReadAll and the standard library's Unmarshal.
type caller struct {
	name  string
	call  func(context.Context) error
	floor func(context.Context) error
	lean  func(context.Context) error // the floor with the client's own decoder, or nil
}

// makeCaller makes a caller of a server at base, which ends in a slash.
type makeCaller func(base string, hc *http.Client) (caller, error)

var callers = []makeCaller{
	ourCaller, githubCaller, gitlabCaller, godoCaller, slackCaller, tfeCaller, minioCaller, minioSignedCaller,
}

// small is what was measured of the callers: each under its name, and its floor
// under floorOf its name.
type small struct {
	names []string
	seen  samples[cost]
}

func floorOf(name string) string { return name + ", floor" }

const (
	oursName = "ours"

	inProcess    = "small call in process"
	overLoopback = "small call over loopback"
)

func benchSmall(s settings, r *report) error {
	noNetwork := &http.Client{Transport: roundTripper(cannedTrip)}
	process, err := measureCallers(s, inProcess, max(s.calls/4, 1), costOfCalls, "http://127.0.0.1:1/", func() *http.Client { return noNetwork })
	if err != nil {
		return err
	}
	// The server is in this process too: waking another would take longer than
	// what is measured.
	url, stop, err := listen(http.HandlerFunc(serveAnswer), &counters{})
	if err != nil {
		return err
	}
	defer stop()   //nolint:errcheck // nothing depends on how it ends
	s.rounds *= 50 // of few calls: the machine's moods last longer than both sides of a ratio
	loopback, err := measureCallers(s, overLoopback, max(s.calls/500, 1), timeOfCalls, url, func() *http.Client {
		return &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	})
	if err != nil {
		return err
	}
	process.add(r, inProcess, 0.5, func(c cost) string {
		return fmt.Sprintf("%s, %.0f allocs", seconds(c.ns), c.allocs)
	})
	loopback.add(r, overLoopback, 0.85, func(c cost) string {
		return seconds(c.ns) // the allocations would be the server's as well
	})
	p := r.panel("One small call in process", "time against the same call written by hand, less is better")
	for _, name := range process.names {
		p.bars = append(p.bars, bar{name, process.ratio(name, floorOf(name)), name == oursName})
	}
	return nil
}

// measureCallers lets our caller take a turn beside every peer's, since its ratios
// are looked at closely.
func measureCallers(s settings, what string, calls int, measure func(calls int, f func() error) (cost, error), base string, client func() *http.Client) (small, error) {
	turn := func(name string, call func(context.Context) error) contender[cost] {
		return contender[cost]{name, func() (cost, error) {
			if err := call(context.Background()); err != nil { // so that connections and caches are warm
				return cost{}, err
			}
			return measure(calls, func() error {
				for range calls {
					if err := call(context.Background()); err != nil {
						return err
					}
				}
				return nil
			})
		}}
	}
	var result small
	var ours, contenders []contender[cost]
	for _, newCaller := range callers {
		c, err := newCaller(base, client())
		if err != nil {
			return result, err
		}
		result.names = append(result.names, c.name)
		both := []contender[cost]{turn(c.name, c.call), turn(floorOf(c.name), c.floor)}
		if c.lean != nil {
			ours = append(both, turn(handWithOur, c.lean))
			continue
		}
		contenders = slices.Concat(contenders, ours, both)
	}
	var err error
	result.seen, err = interleave(s, what, contenders)
	return result, err
}

func costOfCalls(calls int, f func() error) (cost, error) { return costOf(0, calls, f) }

// timeOfCalls is without the garbage collection before every turn, which is longer
// than a short turn.
func timeOfCalls(calls int, f func() error) (cost, error) {
	begin := time.Now()
	err := f()
	return cost{ns: float64(time.Since(begin)) / float64(calls)}, err
}

func (m *small) ratio(a, b string) float64 { return m.seen.ratio(a, b, nanoseconds) }

func (m *small) add(r *report, what string, want float64, text func(cost) string) {
	show := func(name string) string {
		return text(cost{m.seen.median(name, nanoseconds), m.seen.median(name, allocations)})
	}
	rows := []row{
		{reference: handWritten, theirs: show(floorOf(oursName)), ratio: times(m.ratio(oursName, floorOf(oursName))) + " the time", headline: what == overLoopback},
		{reference: handWithOur, theirs: show(handWithOur), ratio: times(m.ratio(oursName, handWithOur)) + " the time"},
	}
	for _, name := range m.names[1:] {
		theirs := show(name) + "; written by hand " + show(floorOf(name))
		rows = append(rows, row{reference: name, theirs: theirs, ratio: times(m.ratio(name, floorOf(name))) + " its own floor"})
	}
	r.compare(what+": a week of two messages", show(oursName), rows...)
	r.atMost(what+", against the hand-written one with encoding/xml", want, m.ratio(oursName, floorOf(oursName)), "×")
}

// answer is a canned answer, its header ready made: what the RoundTripper costs
// is not what is measured.
type answer struct {
	contentType, contentLength []string
	body                       string
}

func canned(contentType, body string) answer {
	return answer{[]string{contentType}, []string{strconv.Itoa(len(body))}, body}
}

const weekAnswer = `<response> <messages> <message timestamp="1464200972389" from="smw@cerulean-inc.com">This is a test of our new group chat.</message><message timestamp="1464200982855" from="kwk@cerulean-inc.com">Looks like it&apos;s working.</message></messages></response>`

// answers are the canned answers by the first segment of the path.
var answers = map[string]answer{
	"v1":     canned("application/xml", weekAnswer),
	"github": canned("application/json; charset=utf-8", `{"ref":"refs/heads/main","node_id":"MDM6UmVmMQ==","url":"https://api.github.com/repos/o/r/git/refs/heads/main","object":{"type":"commit","sha":"aa218f56b14c9653891f9e74264a383fa43fefbd","url":"https://api.github.com/repos/o/r/git/commits/aa218f56b14c9653891f9e74264a383fa43fefbd"}}`),
	"gitlab": canned("application/json", `{"version":"18.5.0-ee","revision":"b5f6b1e2a3c"}`),
	"godo":   canned("application/json; charset=utf-8", `{"account":{"droplet_limit":25,"floating_ip_limit":5,"volume_limit":10,"email":"sammy@digitalocean.com","uuid":"b6fr89dbf6d9156cace5f3c78dc9851d957381ef","email_verified":true,"status":"active","status_message":" "}}`),
	"slack":  canned("application/json; charset=utf-8", `{"ok":true,"channel":"C123ABC456","permalink":"https://ghostbusters.slack.com/archives/C1H9RESGA/p135854651500008"}`),
	"tfe":    canned("application/vnd.api+json", `{"data":{"id":"user-V3R563qtJNcExAkN","type":"users","attributes":{"username":"admin","is-service-account":false,"avatar-url":"https://www.gravatar.com/avatar/9babb00091b97b9ce9538c45807fd35f?s=100&d=mm","v2-only":false,"email":"admin@hashicorp.com","unconfirmed-email":null}}}`),
	"minio":  canned("application/xml", `<?xml version="1.0" encoding="UTF-8"?><VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>`),
}

func answerFor(path string) (answer, bool) {
	segment, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	a, ok := answers[segment]
	return a, ok
}

func cannedTrip(r *http.Request) (*http.Response, error) {
	a, ok := answerFor(r.URL.Path)
	if !ok {
		return nil, errors.New("no answer for this path")
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": a.contentType, "Content-Length": a.contentLength},
		ContentLength: int64(len(a.body)), Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	}, nil
}

func serveAnswer(w http.ResponseWriter, r *http.Request) {
	a, ok := answerFor(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header()["Content-Type"], w.Header()["Content-Length"] = a.contentType, a.contentLength
	_, _ = io.WriteString(w, a.body)
}

// get is the floor of every caller: what a person writes who does without a
// client library.
func get(ctx context.Context, hc *http.Client, url string, header map[string]string, decode func(*http.Response) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return decode(resp)
}

// into reads all of a body and decodes it with one of the standard library's
// functions.
func into(v any, unmarshal func([]byte, any) error) func(*http.Response) error {
	return func(resp *http.Response) error {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		return unmarshal(body, v)
	}
}

// ourCaller has everything on: retries, limits, the timeout and the token.
func ourCaller(base string, hc *http.Client) (caller, error) {
	call, err := ourCall(base, hc)
	return caller{name: oursName, call: call, floor: handWrittenCall(base, hc), lean: leanCall(base, hc)}, err
}

func ourCall(base string, hc *http.Client) (func(context.Context) error, error) {
	client, err := trillian.NewClient(token, trillian.WithBaseURL(base+"v1/"), trillian.WithHTTPClient(hc))
	return func(ctx context.Context) error {
		messages, err := client.Users.Messages.List(ctx, owner, week)
		return expect(err, isWeek(messages))
	}, err
}

func handWrittenCall(base string, hc *http.Client) func(context.Context) error {
	return func(ctx context.Context) error {
		var d messagesDocument
		err := getWeek(ctx, base, hc, into(&d, xml.Unmarshal))
		return expect(err, isWeek(d.Messages))
	}
}

func leanCall(base string, hc *http.Client) func(context.Context) error {
	return func(ctx context.Context) error {
		var messages []trillian.Message
		err := getWeek(ctx, base, hc, func(resp *http.Response) (err error) {
			messages, err = collect[trillian.Message](resp.Body, messagePath, resp.ContentLength)
			return err
		})
		return expect(err, isWeek(messages))
	}
}

func getWeek(ctx context.Context, base string, hc *http.Client, decode func(*http.Response) error) error {
	u := base + "v1/users/" + url.PathEscape(owner) + "/messages/" + url.PathEscape(week.Conversation) +
		"/" + strconv.Itoa(week.Year) + "/" + strconv.Itoa(week.Week) + "/?token=" + url.QueryEscape(token)
	return get(ctx, hc, u, map[string]string{"Accept": "application/xml"}, decode)
}

func isWeek(messages []trillian.Message) bool {
	return len(messages) == 2 && messages[1].Text == "Looks like it's working."
}

// expect keeps a call that decodes nothing from winning.
func expect(err error, right bool) error {
	if err == nil && !right {
		return errors.New("the answer was not decoded")
	}
	return err
}
