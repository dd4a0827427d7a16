package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/wire"
)

// The uploaders, as the table names them.
const (
	uploadOurs  = "ours"
	uploadNaive = "naive: ReadAll, EncodeToString, Values.Encode, Post"
	uploadWire  = "the wire alone, bytes prepared before"
	uploadTiny  = "a tiny POST"
)

const (
	mediaName = "holiday.jpg"
	mediaType = "image/jpeg"
)

// uploaded is what a child answers.
type uploaded struct {
	Wall, CPU time.Duration
	Peak      int64 // bytes of resident memory, of the whole process
	sent      int64 // bytes of the body, as the server counted them
}

func benchUpload(s settings, r *report) error {
	server, err := startServer(task{Mode: serveUploads})
	if err != nil {
		return err
	}
	defer server.stop() //nolint:errcheck // nothing depends on how it ends
	dir, err := os.MkdirTemp("", "trillian-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for i, mebi := range s.uploads {
		seen, err := measureUpload(s, server, dir, mebi)
		if err != nil {
			return err
		}
		addUpload(r, seen, mebi, i == len(s.uploads)-1)
	}
	return nil
}

func measureUpload(s settings, server *server, dir string, mebi int) (samples[uploaded], error) {
	file := filepath.Join(dir, mediaName)
	if err := writeRandom(file, int64(mebi)<<20); err != nil {
		return nil, err
	}
	var contenders []contender[uploaded]
	for _, name := range []string{uploadOurs, uploadNaive, uploadWire, uploadTiny} {
		contenders = append(contenders, contender[uploaded]{name, func() (uploaded, error) {
			result, err := inChild[uploaded](task{Kind: "upload", Mode: name, File: file, URL: server.URL})
			if err != nil {
				return result, err
			}
			seen, err := server.stats()
			result.sent = seen.Received
			return result, err
		}})
	}
	seen, err := interleave(s.rounds, contenders)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{uploadNaive, uploadWire} {
		if ours, theirs := seen[uploadOurs][0].sent, seen[name][0].sent; ours != theirs {
			return nil, fmt.Errorf("%s sent %d bytes, and ours %d", name, theirs, ours)
		}
	}
	return seen, nil
}

func addUpload(r *report, seen samples[uploaded], mebi int, largest bool) {
	wall := func(u uploaded) float64 { return float64(u.Wall) }
	cpu := func(u uploaded) float64 { return float64(u.CPU) }
	peak := func(u uploaded) float64 { return float64(u.Peak) }
	show := func(name string) string {
		return fmt.Sprintf("%s, CPU %s", seconds(seen.median(name, wall)), seconds(seen.median(name, cpu)))
	}
	showPeak := func(name string) string { return ", peak RSS " + mebibytes(seen.median(name, peak)) }
	what := fmt.Sprintf("upload %d MiB", mebi)
	naive, alone := seen.ratio(uploadNaive, uploadOurs, wall), seen.ratio(uploadOurs, uploadWire, wall)
	more := (seen.median(uploadOurs, peak) - seen.median(uploadTiny, peak)) / (1 << 20)
	r.compare(what, show(uploadOurs)+showPeak(uploadOurs),
		row{reference: uploadNaive, theirs: show(uploadNaive) + showPeak(uploadNaive), ratio: times(naive) + " as fast"},
		row{reference: uploadWire, theirs: show(uploadWire), ratio: times(alone) + " the time"},
		row{reference: uploadTiny, theirs: strings.TrimPrefix(showPeak(uploadTiny), ", "), ratio: fmt.Sprintf("%+.1f MiB of memory", more)})
	r.atMost(what+", peak RSS above a tiny POST's", 1, more, "MiB")
	if !largest {
		return
	}
	r.atLeast(what+", against the naive one", 11, naive)
	r.atMost(what+", against the wire alone", 3.3, alone, "×")
	p := panel{title: fmt.Sprintf("Upload %d MiB", mebi), unit: "seconds, less is better"}
	q := panel{title: fmt.Sprintf("Peak memory of a process that uploads %d MiB", mebi), unit: "MiB, less is better"}
	for _, name := range []string{uploadOurs, uploadWire, uploadNaive} {
		short, _, _ := strings.Cut(strings.TrimPrefix(name, "the "), ",")
		short, _, _ = strings.Cut(short, ":")
		p.bars = append(p.bars, bar{short, seen.median(name, wall) / 1e9, name == uploadOurs})
		if name != uploadWire {
			q.bars = append(q.bars, bar{short, seen.median(name, peak) / (1 << 20), name == uploadOurs})
		}
	}
	r.panels = append(r.panels, p, q)
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
		for i := range block {
			block[i] = byte(rng.Uint32())
		}
		if _, err := f.Write(block); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// uploadChild uploads t.File and answers what that took.
func uploadChild(t task) (uploaded, error) {
	upload := map[string]func(task) (func() error, error){
		uploadOurs:  prepareOurs,
		uploadNaive: prepareNaive,
		uploadWire:  prepareWire,
		uploadTiny:  prepareTiny,
	}[t.Mode]
	if upload == nil {
		return uploaded{}, errors.New("no such uploader")
	}
	run, err := upload(t)
	if err != nil {
		return uploaded{}, err
	}
	cpu, begin := cpuTime(), time.Now()
	if err := run(); err != nil {
		return uploaded{}, err
	}
	result := uploaded{Wall: time.Since(begin), CPU: cpuTime() - cpu}
	result.Peak, err = peakMemory()
	return result, err
}

func prepareOurs(t task) (func() error, error) {
	client, err := trillian.NewClient(token, trillian.WithBaseURL(t.URL+"v1/"))
	if err != nil {
		return nil, err
	}
	return func() error {
		f, err := os.Open(t.File)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = client.Users.Media.Upload(context.Background(), owner, trillian.MediaUpload{Name: mediaName, Type: mediaType, Data: f})
		return err
	}, nil
}

func prepareNaive(t task) (func() error, error) {
	return func() error {
		f, err := os.Open(t.File)
		if err != nil {
			return err
		}
		defer f.Close()
		data, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		form := url.Values{"name": {mediaName}, "type": {mediaType}, "data": {base64.StdEncoding.EncodeToString(data)}}
		return post(t.URL, strings.NewReader(form.Encode()))
	}, nil
}

func prepareWire(t task) (func() error, error) {
	f, err := os.Open(t.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fields := url.Values{"name": {mediaName}, "type": {mediaType}}.Encode()
	body, err := io.ReadAll(wire.NewFileForm(fields, "data", f, -1, nil))
	if err != nil {
		return nil, err
	}
	return func() error { return post(t.URL, bytes.NewReader(body)) }, nil
}

func prepareTiny(t task) (func() error, error) {
	return func() error { return post(t.URL, strings.NewReader("name=a")) }, nil
}

func post(target string, body io.Reader) error {
	resp, err := http.Post(target+"v1/users/"+url.PathEscape(owner)+"/media/?token="+url.QueryEscape(token), "application/x-www-form-urlencoded", body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakMemory is the most resident memory this process has had. Getrusage would
// also count what the parent had when it forked.
func peakMemory() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kibi, err := strconv.ParseInt(strings.Fields(rest + " ?")[0], 10, 64)
	return kibi << 10, err
}
