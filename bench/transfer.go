package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// transferred is what a child answers.
type transferred struct {
	Wall, CPU time.Duration
	Peak      int64 // bytes of resident memory, of the whole process
	sent      int64 // bytes of the body, as the server counted them
}

func wallOf(t transferred) float64 { return float64(t.Wall) }
func cpuOf(t transferred) float64  { return float64(t.CPU) }
func peakOf(t transferred) float64 { return float64(t.Peak) }

// transfer is something that is done with a file, and the ways to do it.
type transfer struct {
	verb              string
	ours, naive, wire string
	sameOnWire        bool // the wire alone carries the same bytes
}

var (
	upload   = transfer{"upload", uploadOurs, uploadNaive, uploadWire, true}
	download = transfer{"download", downloadOurs, downloadNaive, downloadWire, true}
	copying  = transfer{"copy", copyOurs, copyNaive, copyWire, false}
)

func benchTransfer(s settings, r *report) error {
	server, err := startServer(task{Mode: serveMedia})
	if err != nil {
		return err
	}
	defer server.stop() //nolint:errcheck // nothing depends on how it ends
	dir, err := os.MkdirTemp("", "trillian-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, mediaName)
	most := s.uploads[len(s.uploads)-1]
	for _, mebi := range s.uploads {
		if err := writeRandom(file, int64(mebi)<<20); err != nil {
			return err
		}
		seen, err := upload.measure(s, server, file, mebi)
		if err != nil {
			return err
		}
		upload.add(r, seen, mebi, mebi == most)
		if mebi == most {
			upload.judge(r, seen, mebi)
		}
	}
	for _, t := range []transfer{download, copying} {
		seen, err := t.measure(s, server, "", most)
		if err != nil {
			return err
		}
		t.add(r, seen, most, false)
	}
	return nil
}

func (t *transfer) what(mebi int) string { return fmt.Sprintf("%s %d MiB", t.verb, mebi) }

func (t *transfer) measure(s settings, server *server, file string, mebi int) (samples[transferred], error) {
	var contenders []contender[transferred]
	for _, name := range []string{t.ours, t.naive, t.wire, tinyPost} {
		contenders = append(contenders, contender[transferred]{name, func() (transferred, error) {
			result, err := inChild[transferred](task{Kind: "transfer", Mode: name, Size: mebi << 20, File: file, URL: server.URL})
			if err != nil {
				return result, err
			}
			seen, err := server.stats()
			result.sent = seen.Received
			return result, err
		}})
	}
	seen, err := interleave(s, t.what(mebi), contenders)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{t.naive, t.wire} {
		ours, theirs := seen[t.ours][0].sent, seen[name][0].sent
		if ours != theirs && (name != t.wire || t.sameOnWire) {
			return nil, fmt.Errorf("%s sent %d bytes, and ours %d", name, theirs, ours)
		}
	}
	return seen, nil
}

// add reports the times, and the memory beside that of a process that sends next
// to nothing.
func (t *transfer) add(r *report, seen samples[transferred], mebi int, headline bool) {
	show := func(name string) string {
		return fmt.Sprintf("%s, CPU %s", seconds(seen.median(name, wallOf)), seconds(seen.median(name, cpuOf)))
	}
	peak := func(name string) string { return "peak RSS " + mebibytes(seen.median(name, peakOf)) }
	r.compare(t.what(mebi), show(t.ours)+", "+peak(t.ours),
		row{reference: t.naive, theirs: show(t.naive) + ", " + peak(t.naive), ratio: times(seen.ratio(t.naive, t.ours, wallOf)) + " as fast", headline: headline},
		row{reference: t.wire, theirs: show(t.wire), ratio: times(seen.ratio(t.ours, t.wire, wallOf)) + " the time"},
		row{reference: tinyPost, theirs: peak(tinyPost), ratio: fmt.Sprintf("%+.1f MiB of memory", t.more(seen))})
}

// more is the memory, in MiB, beyond a tiny POST's.
func (t *transfer) more(seen samples[transferred]) float64 {
	return (seen.median(t.ours, peakOf) - seen.median(tinyPost, peakOf)) / (1 << 20)
}

// judge holds the largest upload against the goals, and draws it.
func (t *transfer) judge(r *report, seen samples[transferred], mebi int) {
	what := t.what(mebi)
	r.atLeast(what+", against the naive one", 11, seen.ratio(t.naive, t.ours, wallOf))
	r.atMost(what+", against the wire alone", 2.5, seen.ratio(t.ours, t.wire, wallOf), "×")
	r.atMost(what+", peak RSS above a tiny POST's", 1, t.more(seen), "MiB")
	p := r.panel(fmt.Sprintf("Upload %d MiB", mebi), "seconds, less is better")
	q := r.panel(fmt.Sprintf("Peak memory of a process that uploads %d MiB", mebi), "MiB, less is better")
	p.bars = []bar{
		{"ours", seen.median(t.ours, wallOf) / 1e9, true},
		{"the wire alone", seen.median(t.wire, wallOf) / 1e9, false},
		{"naive", seen.median(t.naive, wallOf) / 1e9, false},
	}
	q.bars = []bar{
		{"ours", seen.median(t.ours, peakOf) / (1 << 20), true},
		{"naive", seen.median(t.naive, peakOf) / (1 << 20), false},
	}
}

func writeRandom(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	rng := newRand(uint64(size))
	block := make([]byte, 64<<10)
	for ; size > 0; size -= int64(len(block)) {
		block = block[:min(int64(len(block)), size)]
		fill(block, rng)
		if _, err := f.Write(block); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

func fill(block []byte, rng *rand.Rand) {
	for i := range block {
		block[i] = byte(rng.Uint32())
	}
}
