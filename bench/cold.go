package main

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// coldStart is what a child answers.
type coldStart struct{ Wall time.Duration }

func benchCold(s settings, r *report) error {
	server, err := startServer(task{Mode: serveAnswers})
	if err != nil {
		return err
	}
	defer server.stop() //nolint:errcheck // nothing depends on how it ends
	var contenders []contender[coldStart]
	for _, name := range []string{oursName, handWritten} {
		contenders = append(contenders, contender[coldStart]{name, func() (coldStart, error) {
			return inChild[coldStart](task{Kind: "cold", Mode: name, URL: server.URL})
		}})
	}
	s.rounds *= s.coldStarts
	seen, err := interleave(s, "first calls", contenders)
	if err != nil {
		return err
	}
	wall := func(c coldStart) float64 { return float64(c.Wall) }
	show := func(name string) string { return seconds(seen.median(name, wall)) }
	r.compare("first call of a process, over loopback", show(oursName),
		row{reference: handWritten, theirs: show(handWritten), ratio: times(seen.ratio(oursName, handWritten, wall)) + " the time"})
	return nil
}

// coldChild makes the first call of this process, a client and a connection
// first, and answers how long that took.
func coldChild(t task) (coldStart, error) {
	begin := time.Now()
	hc := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	var call func(context.Context) error
	var err error
	switch t.Mode {
	case oursName:
		call, err = ourCall(t.URL, hc)
	case handWritten:
		call = handWrittenCall(t.URL, hc)
	default:
		err = errors.New("no such caller")
	}
	if err != nil {
		return coldStart{}, err
	}
	err = call(context.Background())
	return coldStart{time.Since(begin)}, err
}
