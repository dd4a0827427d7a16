package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The printed requests work as they are printed, and the server ends when told to.
func TestPrintedRequestsWork(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		defer in.Close()
		ended <- run(ctx, []string{"-addr", "127.0.0.1:0"}, in)
	}()
	var curls []string
	base := ""
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Nothing is kept") {
		if text, ok := strings.CutPrefix(lines.Text(), "Base URL:"); ok {
			base = strings.TrimSpace(text)
		}
		if strings.HasPrefix(lines.Text(), "curl ") {
			curls = append(curls, lines.Text())
		}
	}
	require.Len(t, curls, 3)
	require.Contains(t, send(t, curls[0], http.StatusOK), `<member name="kwk@cerulean-inc.com"> <flags>3</flags></member>`)
	require.Contains(t, send(t, curls[1], http.StatusCreated), "<email>new@cerulean-inc.com</email>")
	require.Contains(t, send(t, curls[2], http.StatusOK), "Hello &amp; welcome!</message>")

	cancel()
	require.True(t, lines.Scan())
	require.Equal(t, "Closing.", lines.Text())
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	http.DefaultClient.CloseIdleConnections()
	_, err := http.Get(base)
	require.Error(t, err)
}

var (
	quoted    = regexp.MustCompile(`'([^']*)'`)
	parameter = regexp.MustCompile(`-d (\S+)|--data-urlencode '([^=]+)=([^']*)'`)
)

// send does what a printed curl line does.
func send(t *testing.T, curl string, status int) string {
	t.Helper()
	target := quoted.FindStringSubmatch(curl)[1]
	var form []string
	for _, m := range parameter.FindAllStringSubmatch(curl, -1) {
		if m[1] != "" {
			form = append(form, m[1]) // sent as it is
		} else {
			form = append(form, m[2]+"="+url.QueryEscape(m[3]))
		}
	}
	method := http.MethodGet
	if len(form) > 0 {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(strings.Join(form, "&")))
	require.NoError(t, err)
	if len(form) > 0 {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, status, resp.StatusCode, "%s", body)
	return string(body)
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"a flag that there is not": {"-port", "1"},
		"no flag":                  {"8080"},
		"no address":               {"-addr", "nowhere"},
	} {
		require.Error(t, run(t.Context(), args, io.Discard), name)
	}
}
