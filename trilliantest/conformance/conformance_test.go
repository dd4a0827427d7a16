package conformance_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
	"github.com/trillian-go/trillian/trilliantest/conformance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fewestChecks is how many checks of an operation make it one that was checked.
const fewestChecks = 3

func TestFakeServer(t *testing.T) {
	t.Parallel()
	const boss, worker = "boss@example.com", "worker@example.com"
	companies := map[string]struct {
		sender  string
		domain  string
		options []trilliantest.Option
	}{
		"the sample company": {sender: sender, options: []trilliantest.Option{trilliantest.WithSampleCompany()}},
		"a company of one":   {sender: boss, domain: "sub.example.com", options: []trilliantest.Option{trilliantest.WithUsers(trillian.User{Name: boss})}},
		"a company under another path": {sender: worker, options: []trilliantest.Option{
			trilliantest.WithBasePath("/v2/example.com/"),
			trilliantest.WithUsers(trillian.User{Name: boss, Email: boss}, trillian.User{Name: worker, Fields: map[string]string{"phone": "1"}}),
			trilliantest.WithPolicies(trillian.Policy{Name: "strict", Data: "trillian.history.cloud 1\n"}),
			trilliantest.WithGroups(trillian.Group{Name: "all", DisplayName: "All", Policy: 1}, trillian.Group{Name: "some", Parent: 1, Policy: 1}),
			trilliantest.WithGroupChats(trillian.GroupChat{
				DisplayName: "Lunch", Members: trillian.Collection[trillian.Member]{Items: []trillian.Member{{Name: boss, Flags: trillian.MemberOp}}},
			}),
			trilliantest.WithMessages(boss, "a conversation", trillian.Message{From: worker, Text: "Hello"}),
			trilliantest.WithMedia(boss, trillian.MediaUpload{Name: "a.txt", Type: "text/plain", Data: strings.NewReader("a")}),
		}},
	}
	for name, company := range companies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := trilliantest.NewServer(t, append(company.options, midweek())...)
			target := onFake(srv, company.sender)
			target.Domain = company.domain
			report := conformance.Run(t, target)
			require.Len(t, report, 52)
			for _, result := range report {
				require.GreaterOrEqual(t, result.Count(conformance.Held), fewestChecks, "%s: %v", result.Title, result.Checks)
				require.Zero(t, result.Count(conformance.Skipped), "%s: %v", result.Title, result.Checks)
			}
		})
	}
}

func TestWithoutWritingNothingIsWritten(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	target := onFake(srv, sender)
	target.Write = false
	report := conformance.Run(t, target)
	for _, r := range srv.Requests() {
		require.Contains(t, []string{"GET", "HEAD"}, r.Method, "%v", r)
	}
	for _, result := range report {
		if reads := result.Verb == "GET"; reads {
			require.GreaterOrEqual(t, result.Count(conformance.Held), 1, result.Title)
		}
	}
	require.Contains(t, report.String(), "POST /v1/users/  (Create a user)")
}

// What was there before a run is there after it, as it was, and nothing else is.
func TestNothingOfOthersIsTouched(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany(),
		trilliantest.WithMessages(sender, "a conversation", trillian.Message{From: "kwk@cerulean-inc.com", Text: "Hello"}),
		trilliantest.WithMedia(sender, trillian.MediaUpload{Name: "a.txt", Data: strings.NewReader("a")}))
	before := everything(t, srv.Client(), sender)
	require.Zero(t, conformance.Run(t, onFake(srv, sender)).Count(conformance.Failed))
	require.Equal(t, before, everything(t, srv.Client(), sender))
}

func everything(t *testing.T, client *trillian.Client, user string) map[string]string {
	t.Helper()
	paths := []string{
		"groupchats/", "groups/", "policies/", "presence/", "users/",
		"users/" + strings.ReplaceAll(user, "@", "%40") + "/messages/", "users/" + strings.ReplaceAll(user, "@", "%40") + "/media/",
	}
	expanded := map[string][]string{"members": {"1"}, "groups": {"1"}, "peers": {"1"}}
	all := map[string]string{}
	for _, path := range paths {
		var body strings.Builder
		require.NoError(t, client.Do(t.Context(), "GET", path, expanded, &body))
		all[path] = body.String()
	}
	return all
}

func TestTargetsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithoutListener())
	for name, change := range map[string]func(*conformance.Target){
		"no client":          func(target *conformance.Target) { target.New = nil },
		"sender, no token":   func(target *conformance.Target) { target.SenderToken = "" },
		"token, no sender":   func(target *conformance.Target) { target.Sender = "" },
		"client not created": func(target *conformance.Target) { target.New = failing },
		"impossible token":   func(target *conformance.Target) { target.SenderToken = " " },
	} {
		target := onFake(srv, sender)
		change(&target)
		_, err := conformance.Examine(t.Context(), target)
		require.Error(t, err, name)
	}
	require.Empty(t, srv.Requests())
}

func failing(...trillian.Option) (*trillian.Client, error) { return nil, trillian.ErrInvalidArgument }

// A server that nothing is known of yields a report without a check that holds,
// and no error.
func TestServerThatIsNone(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithoutListener())
	srv.Inject("/{any...}", trilliantest.Body("text/html", "<html><body>It works!</body></html>")).Always()
	report, err := conformance.Examine(t.Context(), onFake(srv, sender))
	require.NoError(t, err)
	require.Zero(t, report.Count(conformance.Held), "%v", report)
	require.NotZero(t, report.Count(conformance.Failed))
}

// A run that is cut short still removes what it created.
func TestCutShort(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany(), trilliantest.WithoutListener())
	before := everything(t, srv.Client(), sender)
	ctx, cancel := context.WithCancel(t.Context())
	target := onFake(srv, sender)
	target.Block = func(...trillian.Message) []byte {
		cancel()
		return []byte("nothing")
	}
	_, err := conformance.Examine(ctx, target)
	require.NoError(t, err)
	require.Equal(t, before, everything(t, srv.Client(), sender))
}

// midweek is the clock of a server by which no week begins in the middle of a run.
func midweek() trilliantest.Option {
	begin := time.Now()
	return trilliantest.WithClock(func() time.Time {
		return time.Date(2026, time.January, 4, 12, 0, 0, 0, time.UTC).Add(time.Since(begin))
	})
}

// onFake is everything that may be done to an in-memory server.
func onFake(srv *trilliantest.Server, sender string) conformance.Target {
	return conformance.Target{
		New:         func(opts ...trillian.Option) (*trillian.Client, error) { return srv.Client(opts...), nil },
		Write:       true,
		Domain:      "example.com",
		Sender:      sender,
		SenderToken: trillian.Secret(srv.TokenFor(sender)),
		Block:       blockOnFake,
	}
}

// blockOnFake is a block as trilliantest's documentation has it.
func blockOnFake(messages ...trillian.Message) []byte {
	var block []byte
	for _, m := range messages {
		block = append(strconv.AppendInt(block, m.Timestamp.UnixMilli(), 10), " "+m.From+"\n"...)
	}
	return block
}

// TestRealServer runs on the server of TRILLIAN_BASE_URL with the administrator's
// TRILLIAN_TOKEN. It changes something only with TRILLIAN_CONFORMANCE=write, and
// sends messages only with the TRILLIAN_SENDER_TOKEN of the TRILLIAN_SENDER.
func TestRealServer(t *testing.T) {
	if os.Getenv("TRILLIAN_BASE_URL") == "" || os.Getenv("TRILLIAN_TOKEN") == "" {
		t.Skip("TRILLIAN_BASE_URL and TRILLIAN_TOKEN are not set")
	}
	target := conformance.Target{
		New: func(opts ...trillian.Option) (*trillian.Client, error) {
			return trillian.NewClientFromEnv(append(opts, trillian.WithTimeout(time.Minute))...)
		},
		Write: os.Getenv("TRILLIAN_CONFORMANCE") == "write",
	}
	sender, token := os.Getenv("TRILLIAN_SENDER"), os.Getenv("TRILLIAN_SENDER_TOKEN")
	if target.Write && sender != "" && token != "" {
		target.Sender, target.SenderToken = sender, trillian.Secret(token)
	}
	conformance.Run(t, target)
}
