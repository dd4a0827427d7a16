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
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/form"
)

// The ways to move a file, as the table names them. A mode of ours has its verb,
// to tell it from the others.
const (
	uploadOurs  = "ours, upload"
	uploadNaive = "naive: ReadAll, EncodeToString, Values.Encode, Post"
	uploadWire  = "the wire alone, bytes prepared before"

	downloadOurs  = "ours, download"
	downloadNaive = "naive: Get, ReadAll"
	downloadWire  = "the wire alone: Get, read and forget"

	copyOurs  = "ours, copy: Open, Upload"
	copyNaive = "naive: Get, ReadAll, EncodeToString, Values.Encode, Post"
	copyWire  = "the wire alone: Get, Post of its body as it is"

	tinyPost = "a tiny POST"
)

const (
	mediaName = "holiday.jpg"
	mediaType = "image/jpeg"
)

// prepares says by mode what is done before the clock starts, and returns what
// is done then.
var prepares = map[string]func(task) (func() error, error){
	uploadOurs: func(t task) (func() error, error) {
		return withClient(t, func(ctx context.Context, media *trillian.MediaService) error {
			return withFile(t, func(f *os.File) error { return uploadFrom(ctx, media, f) })
		})
	},
	uploadNaive: atOnce(func(t task) error {
		return withFile(t, func(f *os.File) error { return postNaively(t, f) })
	}),
	uploadWire: prepareWire,

	downloadOurs: func(t task) (func() error, error) {
		return withClient(t, func(ctx context.Context, media *trillian.MediaService) error {
			var w counter
			_, err := media.Download(ctx, owner, t.mediaID(), &w)
			return expect(err, int(w) == t.Size)
		})
	},
	downloadNaive: atOnce(func(t task) error {
		return t.get(func(body io.Reader) error {
			data, err := io.ReadAll(body)
			return expect(err, len(data) == t.Size)
		})
	}),
	downloadWire: atOnce(func(t task) error {
		return t.get(func(body io.Reader) error {
			n, err := discard(body)
			return expect(err, int(n) == t.Size)
		})
	}),

	copyOurs: func(t task) (func() error, error) {
		return withClient(t, func(ctx context.Context, media *trillian.MediaService) error {
			from, err := media.Open(ctx, owner, t.mediaID())
			if err != nil {
				return err
			}
			defer from.Close()
			return uploadFrom(ctx, media, from)
		})
	},
	copyNaive: atOnce(func(t task) error {
		return t.get(func(body io.Reader) error { return postNaively(t, body) })
	}),
	copyWire: atOnce(func(t task) error {
		return t.get(func(body io.Reader) error { return post(t.URL, body) })
	}),

	tinyPost: atOnce(func(t task) error { return post(t.URL, strings.NewReader("name=a")) }),
}

// transferChild moves a file and answers what that took.
func transferChild(t task) (transferred, error) {
	prepare := prepares[t.Mode]
	if prepare == nil {
		return transferred{}, errors.New("no such way to move a file")
	}
	run, err := prepare(t)
	if err != nil {
		return transferred{}, err
	}
	cpu, begin := cpuTime(), time.Now()
	if err := run(); err != nil {
		return transferred{}, err
	}
	result := transferred{Wall: time.Since(begin), CPU: cpuTime() - cpu}
	result.Peak, err = peakMemory()
	return result, err
}

// atOnce is for what needs nothing to be prepared.
func atOnce(f func(task) error) func(task) (func() error, error) {
	return func(t task) (func() error, error) {
		return func() error { return f(t) }, nil
	}
}

func withClient(t task, f func(context.Context, *trillian.MediaService) error) (func() error, error) {
	client, err := trillian.NewClient(token, trillian.WithBaseURL(t.URL+"v1/"))
	if err != nil {
		return nil, err
	}
	return func() error { return f(context.Background(), client.Users.Media) }, nil
}

func withFile(t task, f func(*os.File) error) error {
	file, err := os.Open(t.File)
	if err != nil {
		return err
	}
	defer file.Close()
	return f(file)
}

func uploadFrom(ctx context.Context, media *trillian.MediaService, r io.Reader) error {
	_, err := media.Upload(ctx, owner, trillian.MediaUpload{Name: mediaName, Type: mediaType, Data: r})
	return err
}

func postNaively(t task, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	form := url.Values{"name": {mediaName}, "type": {mediaType}, "data": {base64.StdEncoding.EncodeToString(data)}}
	return post(t.URL, strings.NewReader(form.Encode()))
}

func prepareWire(t task) (func() error, error) {
	var body []byte
	err := withFile(t, func(f *os.File) (err error) {
		fields := url.Values{"name": {mediaName}, "type": {mediaType}}.Encode()
		body, err = io.ReadAll(form.NewFileForm(fields, "data", f, -1, -1, nil))
		return err
	})
	return func() error { return post(t.URL, bytes.NewReader(body)) }, err
}

func mediaURL(base string) string { return base + "v1/users/" + url.PathEscape(owner) + "/media/" }

// mediaID is the one of a file that the server hands out: its size.
func (t task) mediaID() string { return strconv.Itoa(t.Size) }

func (t task) get(f func(body io.Reader) error) error {
	resp, err := http.Get(mediaURL(t.URL) + t.mediaID() + "/?token=" + url.QueryEscape(token))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return f(resp.Body)
}

func post(base string, body io.Reader) error {
	resp, err := http.Post(mediaURL(base)+"?token="+url.QueryEscape(token), "application/x-www-form-urlencoded", body)
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

// counter is a writer that counts what it is given.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
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
