package main

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// The decoders, as the table names them.
const (
	oursStreamed    = "ours, streamed"
	oursCollected   = "ours, collected"
	oursUnsized     = "ours, collected, chunked" // no Content-Length says how much is to come
	xmlUnmarshal    = "encoding/xml Unmarshal"
	xmlDecoder      = "encoding/xml Decoder"
	tdewolff        = "tdewolff/parse"
	tdewolffInPlace = "tdewolff/parse, no reading"
	gosaxReader     = "orisano/gosax"
	xmlTokenizer    = "muktihari/xmltokenizer"
	limit           = "limit: sweep for <"
)

// libraries are those that one of our decoders is the alternative to: what they
// are given is an answer, an io.Reader (and Unmarshal the bytes, already read).
var libraries = []string{xmlUnmarshal, xmlDecoder, tdewolff, gosaxReader, xmlTokenizer}

// decoder hands every item of a document to yield. Each reads it the way its
// library's documentation does.
type decoder[T any] func(document []byte, yield func(T)) error

// subject is a kind of document and the decoders for it.
type subject[T any] struct {
	plural   string // "French messages"
	document func(n int) []byte
	decoders map[string]decoder[T]

	panel, label string // the chart that it is in, and its name there
	headline     bool   // streamed, it is in the summary

	// What the goals want: how many times the speed of encoding/xml, streamed
	// and collected, and how few allocations an item. 0: no goal.
	streamed, collected, allocs float64
}

// slowest is the row of ours that the fastest library comes closest to.
type slowest struct {
	row, library string
	ratio        float64
}

func benchDecode(s settings, r *report) error {
	var least slowest
	for i, wants := range [][2]float64{{18, 13}, {15, 12}, {13, 11}, {11, 10}} {
		if err := benchSubject(s, r, &least, messageSubject(vocabularies[i], wants[0], wants[1]), s.messages); err != nil {
			return err
		}
	}
	if err := benchSubject(s, r, &least, chatSubject(), s.items); err != nil {
		return err
	}
	if err := benchSubject(s, r, &least, presenceSubject(), s.items); err != nil {
		return err
	}
	if err := benchSubject(s, r, &least, userSubject(), s.items); err != nil {
		return err
	}
	r.atLeast("every row of decoding, against the fastest other library", 2.5, least.ratio)
	r.goals[len(r.goals)-1].got += fmt.Sprintf(" (%s; %s)", least.row, least.library)
	return nil
}

func benchSubject[T any](s settings, r *report, least *slowest, sub subject[T], n int) error {
	document := sub.document(n)
	if err := sub.check(document, n); err != nil {
		return err
	}
	names := slices.Concat([]string{oursStreamed, oursCollected, oursUnsized, tdewolffInPlace, limit}, libraries)
	var contenders []contender[cost]
	for _, name := range names {
		decode := sub.decoders[name]
		if name == limit {
			decode = func(document []byte, _ func(T)) error { sweep(document, func(string) {}); return nil }
		}
		contenders = append(contenders, contender[cost]{name, func() (cost, error) {
			return costOf(s.sample, n, func() error { return decode(document, func(T) {}) })
		}})
	}
	seen, err := interleave(s, fmt.Sprintf("decode %s %s", thousands(int64(n)), sub.plural), contenders)
	if err != nil {
		return err
	}
	sub.add(r, least, seen, float64(len(document))/float64(n))
	return nil
}

// check makes sure that all decoders come to the same values.
func (sub *subject[T]) check(document []byte, n int) error {
	var want []T
	for name, decode := range sub.decoders {
		var got []T
		if err := decode(document, func(item T) { got = append(got, item) }); err != nil {
			return fmt.Errorf("%s: %s: %w", sub.plural, name, err)
		}
		if want == nil {
			want = got
		}
		if len(got) != n {
			return fmt.Errorf("%s: %s: has %d of %d", sub.plural, name, len(got), n)
		}
		if !reflect.DeepEqual(got, want) {
			return fmt.Errorf("%s: %s: decodes to other values than another decoder", sub.plural, name)
		}
	}
	return nil
}

// add reports what was seen of items of so many bytes.
func (sub *subject[T]) add(r *report, least *slowest, seen samples[cost], itemSize float64) {
	speed := func(name string) float64 { return itemSize / seen.median(name, nanoseconds) * 1e3 } // MB/s
	show := func(name string) string {
		return fmt.Sprintf("%s MB/s, %s, %.2f allocs", figures(speed(name)),
			seconds(seen.median(name, nanoseconds)), seen.median(name, allocations))
	}
	faster := func(ours, theirs string) float64 { return seen.ratio(theirs, ours, nanoseconds) }
	fastestBeside := func(ours string) string {
		return slices.MinFunc(libraries, func(a, b string) int { return cmp.Compare(faster(ours, a), faster(ours, b)) })
	}
	for _, ours := range []string{oursStreamed, oursCollected, oursUnsized} {
		what := fmt.Sprintf("decode %s, %s", sub.plural, ours[len("ours, "):])
		fastest := fastestBeside(ours)
		if ratio := faster(ours, fastest); least.row == "" || ratio < least.ratio {
			*least = slowest{what, fastest, ratio}
		}
		references := slices.Compact([]string{xmlUnmarshal, fastest})
		if ours == oursStreamed {
			references = slices.Concat(libraries, []string{tdewolffInPlace, limit})
		}
		var rows []row
		for _, name := range references {
			rows = append(rows, row{
				reference: name, theirs: show(name), ratio: times(faster(ours, name)) + " as fast",
				headline: sub.headline && ours == oursStreamed && name == xmlUnmarshal,
			})
		}
		r.compare(what, show(ours), rows...)
	}
	p := r.panel(sub.panel, "MB/s, more is better")
	for _, name := range slices.Compact([]string{oursStreamed, fastestBeside(oursStreamed), xmlUnmarshal}) {
		library, _, _ := strings.Cut(name, ",")
		library = strings.TrimSuffix(library, " Unmarshal")
		p.bars = append(p.bars, bar{library + ", " + sub.label, speed(name), name == oursStreamed})
	}
	if sub.streamed != 0 {
		r.atLeast("decode "+sub.plural+", streamed, against encoding/xml", sub.streamed, faster(oursStreamed, xmlUnmarshal))
		r.atLeast("decode "+sub.plural+", collected, against encoding/xml", sub.collected, faster(oursCollected, xmlUnmarshal))
	}
	if sub.allocs != 0 {
		r.atMost("decode "+sub.plural+", streamed, allocations for each", sub.allocs, seen.median(oursStreamed, allocations), "")
	}
}
