package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if runChild() {
		return
	}
	os.Exit(m.Run())
}

func tinySettings() settings {
	return settings{
		rounds: 2, sample: time.Millisecond,
		messages: 50, items: 20,
		heapSizes:  []int{10, 20},
		calls:      5,
		coldStarts: 1,
		uploads:    []int{1},
		weeks:      10, weekSizes: []int{3, 5}, delay: time.Millisecond,
	}
}

func TestEverySectionRuns(t *testing.T) {
	t.Parallel()
	for _, sec := range sections {
		t.Run(sec.name, func(t *testing.T) {
			t.Parallel()
			var progress strings.Builder
			r, err := measure(&progress, tinySettings(), []section{sec})
			require.NoError(t, err)
			require.Contains(t, progress.String(), "this takes about "+(2*sec.full).String())
			require.Contains(t, progress.String(), " ..\n", "a dot for each round")
			require.NotEmpty(t, r.rows)
			if sec.name != "cold" {
				require.NotEmpty(t, r.goals)
				require.NotEmpty(t, r.panels)
			}
			for _, row := range r.rows {
				require.NotEmpty(t, row.what)
				require.NotEmpty(t, row.ours)
				require.NotEmpty(t, row.reference)
				require.NotEmpty(t, row.theirs)
				require.NotRegexp(t, `NaN|Inf`, row.ours+row.theirs+row.ratio)
			}
			for _, p := range r.panels {
				for _, bar := range p.bars {
					require.Positive(t, bar.value, "%s: %s", p.title, bar.name)
				}
			}
			requireXML(t, drawing(r.panels))
		})
	}
}

func TestDecodersAgree(t *testing.T) {
	t.Parallel()
	for _, v := range vocabularies {
		requireAgreement(t, messageSubject(v, 0, 0))
	}
	requireAgreement(t, chatSubject())
	requireAgreement(t, presenceSubject())
	requireAgreement(t, userSubject())
}

// requireAgreement also sees to it that each decoder is one of those compared.
func requireAgreement[T any](t *testing.T, sub subject[T]) {
	t.Helper()
	const n = 300
	document := sub.document(n)
	require.NoError(t, sub.check(document, n))
	require.Error(t, sub.check(document, n-1), "a wrong count is noticed")
	for name, right := range sub.decoders {
		sub.decoders[name] = func(document []byte, yield func(T)) error {
			first := true
			return right(document, func(item T) {
				if first {
					item = *new(T)
				}
				first = false
				yield(item)
			})
		}
		require.ErrorContains(t, sub.check(document, n), "other values", name)
		sub.decoders[name] = right
	}
}

func TestTextsAreOfTheirKind(t *testing.T) {
	t.Parallel()
	const n = 5_000
	require.Equal(t, messageDocument(n, vocabularies...), messageDocument(n, vocabularies...), "the same every time")
	// How many bytes of a text are in characters beyond ASCII, and how many
	// references it has for each of its bytes.
	wants := map[string]struct{ beyond, references [2]float64 }{
		"ASCII":        {},
		"French":       {beyond: [2]float64{2.0 / 30, 2.0 / 20}}, // a letter with an accent every 20 to 30 bytes
		"Chinese":      {beyond: [2]float64{1, 1}},
		"entity-heavy": {beyond: [2]float64{0.05, 0.1}, references: [2]float64{0.02, 0.04}},
	}
	for _, v := range vocabularies {
		var size, beyond, references float64
		rng := newRand(1)
		for range n {
			var w bytes.Buffer
			v.prose(&w, rng)
			require.Equal(t, bytes.TrimSpace(w.Bytes()), w.Bytes())
			size += float64(w.Len())
			references += float64(bytes.Count(w.Bytes(), []byte("&")))
			for _, b := range w.Bytes() {
				if b >= utf8.RuneSelf {
					beyond++
				}
			}
		}
		want, ok := wants[v.name]
		require.True(t, ok, v.name)
		requireWithin(t, want.beyond, beyond/size, v.name)
		requireWithin(t, want.references, references/size, v.name)
	}
}

func requireWithin(t *testing.T, bounds [2]float64, got float64, what string) {
	t.Helper()
	require.GreaterOrEqual(t, got, bounds[0], what)
	require.LessOrEqual(t, got, bounds[1], what)
}

func TestMessageStreamIsAWeek(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 500} {
		body, err := io.ReadAll(newMessageStream(n))
		require.NoError(t, err)
		var d messagesDocument
		require.NoError(t, xml.Unmarshal(body, &d))
		require.Len(t, d.Messages, n)
	}
}

func TestHeapIsThatOfTheReader(t *testing.T) {
	t.Parallel()
	few, err := inChild[heapPeak](task{Kind: "heap", Mode: oursCollected, Size: 10})
	require.NoError(t, err)
	many, err := inChild[heapPeak](task{Kind: "heap", Mode: oursCollected, Size: 50_000})
	require.NoError(t, err)
	require.Greater(t, many.Bytes, few.Bytes+50_000*100, "what is collected is seen")
}

func TestChildThatFails(t *testing.T) {
	t.Parallel()
	_, err := inChild[heapPeak](task{Kind: "heap", Mode: "no such decoder"})
	require.Error(t, err)
	_, err = startServer(task{Mode: "nothing"})
	require.Error(t, err)
}

func TestUploadsArriveWhole(t *testing.T) {
	t.Parallel()
	server, err := startServer(task{Mode: serveMedia})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.stop()) })
	require.NoError(t, post(server.URL, strings.NewReader(strings.Repeat("a", 12_345))))
	seen, err := server.stats()
	require.NoError(t, err)
	require.Equal(t, int64(12_345), seen.Received)
	require.Positive(t, seen.Connections)

	seen, err = server.stats()
	require.NoError(t, err)
	require.Zero(t, seen, "asking starts anew")
}

func TestCallersNoticeWrongAnswers(t *testing.T) {
	t.Parallel()
	empty := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := cannedTrip(r)
		if err == nil {
			resp.Body = io.NopCloser(strings.NewReader(strings.NewReplacer("messages", "other", "{", "[", "Enabled", "").Replace(weekAnswer)))
		}
		return resp, err
	})}
	for _, newCaller := range callers {
		c, err := newCaller("http://127.0.0.1:1/", empty)
		require.NoError(t, err)
		require.Error(t, c.call(t.Context()), c.name)
		require.Error(t, c.floor(t.Context()), c.name)
		if c.name == oursName {
			require.Error(t, c.lean(t.Context()))
		}
	}
}

func TestInterleave(t *testing.T) {
	t.Parallel()
	var order []string
	contenders := []contender[float64]{}
	for _, name := range []string{"a", "b", "c"} {
		contenders = append(contenders, contender[float64]{name, func() (float64, error) {
			order = append(order, name)
			return float64(len(order)), nil
		}})
	}
	s := tinySettings()
	s.progress = startProgress(io.Discard, 0)
	s.rounds = 3
	seen, err := interleave(s, "", contenders)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c", "b", "c", "a", "c", "a", "b"}, order)
	self := func(f float64) float64 { return f }
	require.InDelta(t, 6, seen.median("a", self), 0, "of 1, 6 and 8")
	require.InDelta(t, 8.0/9, seen.ratio("a", "b", self), 0, "of 1/2, 6/4 and 8/9")

	_, err = interleave(s, "", []contender[float64]{{"bad", func() (float64, error) { return 0, errors.New("broken") }}})
	require.EqualError(t, err, "bad: broken")
}

func TestMedian(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 2, median([]float64{3, 1, 2}), 0)
	require.InDelta(t, 2.5, median([]float64{4, 1, 2, 3}), 0)
	require.Zero(t, median(nil))
}

func TestFigures(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{
		0.123: "0.12", 1: "1.00", 9.994: "9.99", 9.996: "10.0", 55.55: "55.5", 99.96: "100.0", 123.4: "123", 1_234_567: "1,234,567",
	} {
		require.Equal(t, want, figures(value))
	}
	require.Equal(t, "0.50 µs", seconds(500))
	require.Equal(t, "12.0 ms", seconds(12e6))
	require.Equal(t, "1.50 s", seconds(1.5e9))
	require.Equal(t, "1.50 MiB", mebibytes(1.5*(1<<20)))
}

func TestGoals(t *testing.T) {
	t.Parallel()
	var r report
	r.atLeast("speed", 2, 2)
	r.atLeast("speed", 2, 1.99)
	r.atMost("memory", 6, 6, "MiB")
	r.atMost("memory", 6, 6.01, "MiB")
	r.atMost("allocations", 7, 7.001, "")
	var reached []bool
	for _, g := range r.goals {
		reached = append(reached, g.reached)
	}
	require.Equal(t, []bool{true, false, true, false, true}, reached)
	require.Equal(t, "NOT reached", r.goalTable()[2][3])
}

func TestTable(t *testing.T) {
	t.Parallel()
	var r report
	r.compare("upload", "1 µs", row{reference: "naive", theirs: "9 µs", ratio: "9×"}, row{reference: "wire", theirs: "1 µs", ratio: "1×", headline: true})
	require.Equal(t, `| what   | ours | reference | reference's | ratio |
|--------|------|-----------|-------------|-------|
| upload | 1 µs | naive     | 9 µs        | 9×    |
|        |      | wire      | 1 µs        | 1×    |
`, markdownTable(r.table()))
	require.Equal(t, [][]string{tableHead, {"upload", "1 µs", "wire", "1 µs", "1×"}}, r.summary())
}

func TestReplaceBetweenMarks(t *testing.T) {
	t.Parallel()
	got, err := replaceBetweenMarks("before\n"+beginMark+"\nold\n"+endMark+"\nafter\n", "new\n")
	require.NoError(t, err)
	require.Equal(t, "before\n"+beginMark+"\nnew\n"+endMark+"\nafter\n", got)
	for _, bad := range []string{"", beginMark, endMark + beginMark} {
		_, err := replaceBetweenMarks(bad, "new")
		require.Error(t, err)
	}
}

func TestRunWritesItsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := files{svg: filepath.Join(dir, "chart.svg"), markdown: filepath.Join(dir, "tables.md"), summary: filepath.Join(dir, "summary.md")}
	for _, path := range []string{f.markdown, f.summary} {
		require.NoError(t, os.WriteFile(path, []byte("# Title\n"+beginMark+endMark+"\n"), 0o600))
	}
	s := tinySettings()
	s.rounds = 1
	require.NoError(t, run(io.Discard, io.Discard, s, "decode", f))
	text, err := os.ReadFile(f.markdown)
	require.NoError(t, err)
	require.Contains(t, string(text), "documents of 50 messages")
	require.Contains(t, string(text), "| decode ASCII messages, streamed")
	require.Contains(t, string(text), "| goal ")
	text, err = os.ReadFile(f.summary)
	require.NoError(t, err)
	require.Contains(t, string(text), "| decode French messages, streamed")
	require.NotContains(t, string(text), "ASCII")
	drawn, err := os.ReadFile(f.svg)
	require.NoError(t, err)
	requireXML(t, string(drawn))

	require.Error(t, run(io.Discard, io.Discard, s, "no such section", files{}))
	var progress strings.Builder
	require.Error(t, run(io.Discard, &progress, s, "decode", files{markdown: filepath.Join(dir, "missing.md")}))
	require.Empty(t, progress.String(), "not after minutes")
}

func requireXML(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader([]byte(text)))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}
