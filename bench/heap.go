package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/trillian-go/trillian"
)

// What only the heap is measured of, as the table names it.
const (
	oursHistory      = "ours, in 20 weeks, 4 at once"
	xmlDecoderStream = "encoding/xml Decoder, streamed"
	xmlDecoderSlice  = "encoding/xml Decoder to slice"
)

// heapPeak is what a child answers.
type heapPeak struct{ Bytes uint64 }

func benchHeap(s settings, r *report) error {
	peaks := map[int]samples[heapPeak]{}
	references := map[string][]string{
		oursStreamed:  {xmlDecoderStream, xmlUnmarshal},
		oursHistory:   {xmlDecoderStream},
		oursCollected: {xmlDecoderSlice, xmlUnmarshal},
	}
	names := []string{oursStreamed, oursHistory, oursCollected, xmlDecoderStream, xmlDecoderSlice, xmlUnmarshal}
	for _, n := range s.heapSizes {
		var contenders []contender[heapPeak]
		for _, name := range names {
			contenders = append(contenders, contender[heapPeak]{name, func() (heapPeak, error) {
				return inChild[heapPeak](task{Kind: "heap", Mode: name, Size: n})
			}})
		}
		var err error
		if peaks[n], err = interleave(s, fmt.Sprintf("peak heap, %s messages", thousands(int64(n))), contenders); err != nil {
			return err
		}
	}
	bytes := func(p heapPeak) float64 { return float64(p.Bytes) }
	for _, n := range s.heapSizes {
		show := func(name string) string { return mebibytes(peaks[n].median(name, bytes)) }
		for _, ours := range names[:len(references)] {
			var rows []row
			for _, name := range references[ours] {
				rows = append(rows, row{
					reference: name, theirs: show(name), ratio: times(peaks[n].ratio(ours, name, bytes)) + " the memory",
					headline: n == s.heapSizes[len(s.heapSizes)-1] && ours == oursStreamed && name == xmlUnmarshal,
				})
			}
			r.compare(fmt.Sprintf("peak heap, %s messages, %s", thousands(int64(n)), ours[len("ours, "):]), show(ours), rows...)
		}
	}
	most := s.heapSizes[len(s.heapSizes)-1]
	peak := func(n int, name string) float64 { return peaks[n].median(name, bytes) }
	what := fmt.Sprintf("peak heap, %s messages streamed", thousands(int64(most)))
	r.atMost(what, 6, peak(most, oursStreamed)/(1<<20), "MiB")
	p := r.panel(fmt.Sprintf("Peak heap, %s messages", thousands(int64(most))), "MiB, less is better")
	for _, name := range names {
		p.bars = append(p.bars, bar{name, peak(most, name) / (1 << 20), references[name] != nil})
	}
	return nil
}

// heapChild reads a week of t.Size messages and answers its own peak heap.
func heapChild(t task) (heapPeak, error) {
	read := map[string]func(int) (int, error){
		oursStreamed:     heapStreamed,
		oursHistory:      heapHistory,
		oursCollected:    heapCollected,
		xmlUnmarshal:     heapUnmarshal,
		xmlDecoderStream: func(n int) (int, error) { return heapDecoder(n, false) },
		xmlDecoderSlice:  func(n int) (int, error) { return heapDecoder(n, true) },
	}[t.Mode]
	if read == nil {
		return heapPeak{}, errors.New("no such decoder")
	}
	stop := watchHeap()
	n, err := read(t.Size)
	if err == nil && n != t.Size {
		err = fmt.Errorf("has %d of %d messages", n, t.Size)
	}
	return heapPeak{stop()}, err
}

// watchHeap samples the heap's objects every millisecond, and once at the end.
func watchHeap() (stop func() uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	var peak atomic.Uint64
	look := func() {
		metrics.Read(sample)
		peak.Store(max(peak.Load(), sample[0].Value.Uint64()))
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				look()
			case <-quit:
				return
			}
		}
	}()
	return func() uint64 {
		close(quit)
		<-done
		look()
		return peak.Load()
	}
}

var week = trillian.MessageWeek{Conversation: "c798b870f797b37878fe19cf05198f50d88273dd", Year: 2016, Week: 20}

const owner = "smw@cerulean-inc.com"

// weekClient is a client of a server with so many weeks, of n messages together.
func weekClient(weeks, n int) (*trillian.Client, error) {
	var asked atomic.Int64
	answer := roundTripper(func(r *http.Request) (*http.Response, error) {
		var body io.Reader
		if isWeekList(r) {
			body = bytes.NewReader(weekList(weeks))
		} else {
			i := int(asked.Add(1))
			body = newMessageStream(n*i/weeks - n*(i-1)/weeks)
		}
		return &http.Response{
			StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
			Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(body), Request: r,
		}, nil
	})
	return trillian.NewClient("token", trillian.WithHTTPClient(&http.Client{Transport: answer}))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// heapStreamed reads a week of n messages while it arrives.
func heapStreamed(n int) (int, error) {
	client, err := weekClient(1, n)
	if err != nil {
		return 0, err
	}
	return count(client.Users.Messages.All(context.Background(), owner, week))
}

// heapHistory reads n messages in 20 weeks.
func heapHistory(n int) (int, error) {
	client, err := weekClient(20, n)
	if err != nil {
		return 0, err
	}
	return count(client.Users.Messages.History(context.Background(), owner, nil))
}

func count(messages iter.Seq2[trillian.Message, error]) (n int, err error) {
	for _, err := range messages {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func heapCollected(n int) (int, error) {
	client, err := weekClient(1, n)
	if err != nil {
		return 0, err
	}
	messages, err := client.Users.Messages.List(context.Background(), owner, week)
	return len(messages), err
}

func heapUnmarshal(n int) (int, error) {
	body, err := io.ReadAll(newMessageStream(n))
	if err != nil {
		return 0, err
	}
	var d messagesDocument
	err = xml.Unmarshal(body, &d)
	return len(d.Messages), err
}

func heapDecoder(n int, keep bool) (count int, err error) {
	var messages []trillian.Message
	for m, err := range elementsOf[trillian.Message](newMessageStream(n), "message") {
		if err != nil {
			return count, err
		}
		if count++; keep {
			messages = append(messages, *m)
		}
	}
	runtime.KeepAlive(messages)
	return count, nil
}
