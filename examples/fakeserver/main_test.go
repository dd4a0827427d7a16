package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trillian-go/trillian"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs the program until stop is called, which returns what it says then.
func serve(t *testing.T, args ...string) (greeting []string, stop func() []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		defer in.Close()
		ended <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), in)
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		greeting = append(greeting, lines.Text())
		if strings.HasPrefix(lines.Text(), "Nothing is kept") {
			break
		}
	}
	return greeting, sync.OnceValue(func() (last []string) {
		cancel()
		for lines.Scan() {
			last = append(last, lines.Text())
		}
		select {
		case err := <-ended:
			require.NoError(t, err)
		case <-time.After(time.Minute):
			t.Error("it does not end")
		}
		return last
	})
}

func curlsOf(greeting []string) (curls []string) {
	for _, line := range greeting {
		if strings.HasPrefix(line, "curl ") {
			curls = append(curls, line)
		}
	}
	return curls
}

func after(t *testing.T, greeting []string, label string) string {
	t.Helper()
	for _, line := range greeting {
		if text, ok := strings.CutPrefix(line, label); ok {
			return strings.TrimSpace(text)
		}
	}
	t.Fatalf("there is no %q in %q", label, greeting)
	return ""
}

// The printed requests work as they are printed, and the server ends when told to.
func TestPrintedRequestsWork(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args   []string
		member string
		base   string // the beginning of the base URL
	}{
		"sample":        {nil, `<member name="kwk@cerulean-inc.com"> <flags>3</flags></member>`, "http://127.0.0.1:"},
		"all addresses": {[]string{"-addr", "0.0.0.0:0"}, `<member name="kwk@cerulean-inc.com"> <flags>3</flags></member>`, "http://127.0.0.1:"},
		"TLS":           {[]string{"-tls"}, `<member name="kwk@cerulean-inc.com"> <flags>3</flags></member>`, "https://127.0.0.1:"},
		"generated":     {[]string{"-chats", "3", "-users", "20", "-weeks", "2"}, `<member name="anna.adams@acme.example"> <flags>1</flags></member>`, "http://127.0.0.1:"},
		"one user":      {[]string{"-users", "1"}, `<member name="anna.adams@acme.example"> <flags>1</flags></member>`, "http://127.0.0.1:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			greeting, stop := serve(t, c.args...)
			defer stop()
			base := after(t, greeting, "Base URL:")
			require.True(t, strings.HasPrefix(base, c.base), base)
			curls := curlsOf(greeting)
			require.Len(t, curls, 3)
			require.Contains(t, send(t, curls[0], http.StatusOK), c.member)
			require.Contains(t, send(t, curls[1], http.StatusCreated), "<email>new@cerulean-inc.com</email>")
			require.Contains(t, send(t, curls[2], http.StatusOK), "Hello &amp; welcome!</message>")

			address, err := url.Parse(base)
			require.NoError(t, err)
			conn, err := net.Dial("tcp", address.Host) // its port may be another's in a moment
			require.NoError(t, err)
			defer conn.Close()
			require.Equal(t, []string{"Closing."}, stop())
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
			_, err = conn.Read(make([]byte, 1))
			require.Error(t, err)
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
		})
	}
}

func TestGeneratedCompanyAndTokens(t *testing.T) {
	t.Parallel()
	greeting, stop := serve(t, "-users", "5", "-chats", "2", "-weeks", "3", "-tokens", "-token", "administrator's")
	defer stop()
	require.Contains(t, greeting[0], "users: 5, group chats: 2, weeks: 3")
	require.Equal(t, "administrator's", after(t, greeting, "Administrator's token:"))
	base, tokens := after(t, greeting, "Base URL:"), 0
	for i, line := range greeting[slices.Index(greeting, "The tokens of all users:")+1:] {
		user, token, ok := strings.Cut(line, "\t")
		if !ok {
			break
		}
		client, err := trillian.NewClient(token, trillian.WithBaseURL(base))
		require.NoError(t, err)
		users, err := client.Users.List(t.Context())
		require.NoError(t, err)
		require.Len(t, users, 5)
		require.Equal(t, users[i].Name, user)
		_, err = client.Users.Messages.Send(t.Context(), users[0].Name, trillian.MessageSend{From: user, Text: "Hello"})
		require.NoError(t, err, "it is the sender's own")
		chats, err := client.GroupChats.List(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, chats, 2)
		conversations, err := client.GroupChats.Messages.Conversations(t.Context(), chats[0].Name)
		require.NoError(t, err)
		require.Len(t, conversations[0].Weeks, 3)
		tokens++
	}
	require.Equal(t, 5, tokens)

	plain, stopPlain := serve(t)
	defer stopPlain()
	require.NotContains(t, plain, "The tokens of all users:")
}

func TestPrintedPin(t *testing.T) {
	t.Parallel()
	greeting, stop := serve(t, "-tls")
	defer stop()
	pin := after(t, greeting, "Certificate's SHA-256 pin:")
	client, err := trillian.NewClient(after(t, greeting, "Administrator's token:"),
		trillian.WithBaseURL(after(t, greeting, "Base URL:")), trillian.WithCertificatePin(pin))
	require.NoError(t, err)
	_, err = client.Groups.List(t.Context(), nil)
	require.NoError(t, err)
	require.Contains(t, after(t, greeting, "export "), "TRILLIAN_CERTIFICATE_PIN='"+pin+"'")
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
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: strings.HasPrefix(curl, "curl --insecure ")}}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, status, resp.StatusCode, "%s", body)
	return string(body)
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		text string
	}{
		"a flag that there is not":  {[]string{"-port", "1"}, "-port"},
		"no flag":                   {[]string{"8080"}, `unexpected argument "8080"`},
		"no address":                {[]string{"-addr", "nowhere"}, "nowhere"},
		"chats of no company":       {[]string{"-chats", "1"}, "-chats is of a generated company, which -users asks for"},
		"weeks of no company":       {[]string{"-weeks", "1", "-users", "0"}, "-weeks is of a generated company"},
		"fewer than no users":       {[]string{"-users", "-1"}, "a number is negative"},
		"a fault without a pattern": {[]string{"-fault", "status=503"}, `the pattern "status" has no path`},
		"a bad fault":               {[]string{"-fault", "GET /users/=status=99"}, "status needs a number from 200 to 599"},
	} {
		require.ErrorContains(t, run(t.Context(), c.args, io.Discard), c.text, name)
	}
}
