package people_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/examples/trillianctl/internal/people"
	"github.com/trillian-go/trillian/trilliantest"
)

const (
	general = "#general@example.com"
	sales   = "#sales@example.com"
)

// office is a small company: anna operates General, ben has a voice in it, and
// carl is in it.
func office(t *testing.T) *trilliantest.Server {
	return trilliantest.NewServer(t,
		trilliantest.WithUsers(
			trillian.User{Name: "anna@example.com", DisplayName: "Anna"},
			trillian.User{Name: "ben@example.com", DisplayName: "Ben", Email: "ben@example.com"},
			trillian.User{Name: "carl@example.com", DisplayName: "Carl"},
		),
		trilliantest.WithGroupChats(
			trillian.GroupChat{Name: general, DisplayName: "General", Members: trillian.Collection[trillian.Member]{Items: []trillian.Member{
				{Name: "anna@example.com", Flags: trillian.MemberOp}, {Name: "ben@example.com", Flags: trillian.MemberVoice}, {Name: "carl@example.com"},
			}}},
			trillian.GroupChat{Name: sales, DisplayName: "Sales"},
		),
	)
}

func read(t *testing.T, text string) []people.Row {
	t.Helper()
	rows, err := people.Read(strings.NewReader(text), "people.csv", 0)
	require.NoError(t, err)
	return rows
}

func plan(t *testing.T, client *trillian.Client, rows []people.Row, opts people.Options) *people.Plan {
	t.Helper()
	opts.File = "people.csv"
	p, err := people.MakePlan(t.Context(), client, rows, opts)
	require.NoError(t, err)
	return p
}

// told is a plan as lines.
func told(p *people.Plan) []string {
	lines := []string{}
	for _, s := range p.Steps {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%d %s %s %s", s.Line, s.Action, s.Address, s.Detail)))
	}
	return lines
}

// outcomes are results as lines.
func outcomes(results []people.Result) []string {
	lines := []string{}
	for _, r := range results {
		line := fmt.Sprintf("%d %s %s", r.Line, r.Action, r.Outcome)
		if r.Err != nil {
			line += ": " + r.Err.Error()
		}
		lines = append(lines, line)
	}
	return lines
}

func open(t *testing.T, path string, resume bool) *people.Results {
	t.Helper()
	results, err := people.OpenResults(path, resume)
	require.NoError(t, err)
	return results
}

func apply(t *testing.T, client *trillian.Client, p *people.Plan, opts people.Options) []people.Result {
	t.Helper()
	journal := open(t, filepath.Join(t.TempDir(), "results.csv"), false)
	results, err := people.Apply(t.Context(), client, p, journal, opts)
	require.NoError(t, err)
	require.NoError(t, journal.Finish())
	return results
}

const everything = `address,display_name,email,state,chats
anna@example.com,Anna Adams,,,General|Sales
BEN@example.com,Ben,ben@example.com,,
carl@example.com,,,removed,
dora@example.com,Dora,dora@example.com,,General|#sales@example.com
`

func TestPlanAndApply(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	rows := read(t, everything)
	p := plan(t, client, rows, people.Options{})
	require.Equal(t, []string{
		`2 update anna@example.com display name "Anna" to "Anna Adams"`,
		`2 join anna@example.com Sales`,
		`4 remove carl@example.com Carl`,
		`5 create dora@example.com Dora, dora@example.com, password generated`,
		`5 join dora@example.com General`,
		`5 join dora@example.com Sales`,
	}, told(p))
	for _, r := range srv.Requests() {
		require.Equal(t, http.MethodGet, r.Method, "a plan only looks")
	}

	results := apply(t, client, p, people.Options{})
	require.Equal(t, []string{"2 update done", "2 join done", "4 remove done", "5 create done", "5 join done", "5 join done"}, outcomes(results))
	password := string(results[3].Password)
	require.Regexp(t, `^[A-Z2-7]{5}(-[A-Z2-7]{5}){3}-[A-Z2-7]{6,}$`, password)
	require.NotContains(t, fmt.Sprint(results), password)
	created := srv.RequestsTo("POST /users/")
	require.Len(t, created, 1)
	require.Equal(t, "dora@example.com", created[0].Form.Get("im"))
	require.Equal(t, "Dora", created[0].Form.Get("displayname"))
	require.Equal(t, "dora@example.com", created[0].Form.Get("email"))

	members, err := client.GroupChats.Members.List(t.Context(), general)
	require.NoError(t, err)
	require.Equal(t, "[anna@example.com OP ben@example.com VOICE dora@example.com 0]", membersText(members))
	again := plan(t, client, rows, people.Options{})
	require.Empty(t, again.Steps, "applied again, there is nothing to do")
}

func membersText(members []trillian.Member) string {
	texts := []string{}
	for _, m := range members {
		texts = append(texts, m.Name+" "+m.Flags.String())
	}
	return fmt.Sprint(texts)
}

func TestOperatorsAreKept(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	rows := read(t, "address,chats,state\nanna@example.com,Sales,\nben@example.com,General,\ncarl@example.com,,\n")
	p := plan(t, client, rows, people.Options{Exact: true})
	require.Equal(t, []string{
		"2 join anna@example.com Sales",
		"2 keep anna@example.com stays in General: is an operator",
		"4 leave carl@example.com General",
	}, told(p))
	require.Equal(t, 2, p.Changes())
	require.Equal(t, []string{"2 join done", "2 keep kept", "4 leave done"}, outcomes(apply(t, client, p, people.Options{})))

	p = plan(t, client, read(t, "address,state\nanna@example.com,removed\n"), people.Options{})
	require.Equal(t, []string{"2 keep anna@example.com not removed: is an operator of General"}, told(p))
	require.Zero(t, p.Changes())

	require.Empty(t, srv.RequestsTo("POST /groupchats/{chat}/ben@example.com/"), "adding anew may take a voice away")
	members, err := client.GroupChats.Members.List(t.Context(), general)
	require.NoError(t, err)
	require.Equal(t, "[anna@example.com OP ben@example.com VOICE]", membersText(members))
}

// Somebody acts while the plan is read.
func TestWhatHappensBetweenPlanAndApply(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	rows := read(t, "address,chats\nben@example.com,Sales\ncarl@example.com,\ndora@example.com,\nanna@example.com,General\n")
	p := plan(t, client, rows, people.Options{Exact: true})
	require.Equal(t, []string{
		"2 join ben@example.com Sales", "2 leave ben@example.com General", "3 leave carl@example.com General",
		"4 create dora@example.com password generated",
	}, told(p))
	srv.Fill(
		trilliantest.WithUsers(trillian.User{Name: "dora@example.com"}),
		trilliantest.WithGroupChats(trillian.GroupChat{Name: general, DisplayName: "General", Members: trillian.Collection[trillian.Member]{
			Items: []trillian.Member{{Name: "ben@example.com"}, {Name: "carl@example.com", Flags: trillian.MemberOp}},
		}}),
	)
	results := apply(t, client, p, people.Options{})
	require.Equal(t, []string{"2 join done", "2 leave done", "3 leave kept", "4 create done"}, outcomes(results))
	require.Empty(t, results[3].Password, "it was another who created the user")
	require.Empty(t, srv.RequestsTo("POST /users/"))
	members, err := client.GroupChats.Members.List(t.Context(), general)
	require.NoError(t, err)
	require.Equal(t, "[carl@example.com OP]", membersText(members))
}

// A run that was killed had sent a request that the server carries out only after the
// plan of the next one is made.
func TestAnEarlierRunIsCarriedOutLate(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	p := plan(t, client, read(t, "address\ndora@example.com\n"), people.Options{})
	path := filepath.Join(t.TempDir(), "results.csv")
	earlier := "line,address,action,chat,outcome,password,error\n2,dora@example.com,create,,sending,AAAAA-BBBBB,\n"
	require.NoError(t, os.WriteFile(path, []byte(earlier), 0o600))
	srv.Fill(trilliantest.WithUsers(trillian.User{Name: "dora@example.com"}))

	journal := open(t, path, true)
	results, err := people.Apply(t.Context(), client, p, journal, people.Options{})
	require.NoError(t, err)
	require.NoError(t, journal.Finish())
	require.Equal(t, []string{"2 create done"}, outcomes(results))
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(kept), "2,dora@example.com,create,,done,AAAAA-BBBBB,\n", "it is the password that was sent")
}

func TestChatsThatAreNotFound(t *testing.T) {
	t.Parallel()
	srv := office(t)
	srv.Fill(trilliantest.WithGroupChats(trillian.GroupChat{Name: "#sales2@example.com", DisplayName: "Sales"}))
	rows := read(t, "address,chats\nanna@example.com,General|Sale\nben@example.com,Sales\ncarl@example.com,#nowhere@example.com\n")
	_, err := people.MakePlan(t.Context(), srv.Client(), rows, people.Options{File: "people.csv"})
	require.EqualError(t, err, `people.csv:2: there is no group chat "Sale"
people.csv:3: "Sales" is the name of 2 group chats: write one of #sales2@example.com, #sales@example.com
people.csv:4: there is no group chat #nowhere@example.com`)
}

func TestSingleFailuresDoNotStopIt(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	rows := read(t, "address,chats\ndora@example.com,General\nemil@example.com,General\nfritz@example.com,General\n")
	srv.Inject("POST /users/", trilliantest.Status(http.StatusForbidden)).After(1)
	p := plan(t, client, rows, people.Options{})
	results := apply(t, client, p, people.Options{})
	require.Equal(t, []string{
		"2 create done", "2 join done",
		"3 create failed: trillian: POST users/: 403 Forbidden", "3 join skipped: not attempted: the user was not created",
		"4 create done", "4 join done",
	}, outcomes(results))
}

func TestABadTokenStopsIt(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	var text strings.Builder
	text.WriteString("address\n")
	for i := range 50 {
		fmt.Fprintf(&text, "user%d@example.com\n", i)
	}
	p := plan(t, client, read(t, text.String()), people.Options{})
	srv.Inject("POST /users/", trilliantest.Status(http.StatusUnauthorized)).Always()
	results, err := people.Apply(t.Context(), client, p, open(t, filepath.Join(t.TempDir(), "r.csv"), false), people.Options{Concurrency: 4})
	require.ErrorIs(t, err, trillian.ErrUnauthorized)
	require.Len(t, results, 50)
	require.LessOrEqual(t, len(srv.RequestsTo("POST /users/")), 4)
}

func TestAnOutageStopsIt(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	var text strings.Builder
	text.WriteString("address\n")
	for i := range 200 {
		fmt.Fprintf(&text, "user%d@example.com\n", i)
	}
	p := plan(t, client, read(t, text.String()), people.Options{})
	srv.Inject("POST /users/", trilliantest.DropBefore()).Always()
	results, err := people.Apply(t.Context(), client, p, open(t, filepath.Join(t.TempDir(), "r.csv"), false), people.Options{})
	require.ErrorContains(t, err, "stopped after 20 failures in a row")
	require.Len(t, srv.RequestsTo("POST /users/"), 20)
	require.Equal(t, people.Failed, results[0].Outcome, "it was looked at, and is not there")
	require.NotErrorIs(t, results[0].Err, trillian.ErrOutcomeUnknown)
	require.Equal(t, people.Skipped, results[199].Outcome)
}

// Each fault is met by the first request of a step, and is all that happens.
func TestLostAnswersAreLookedFor(t *testing.T) {
	t.Parallel()
	steps := map[string]struct{ csv, pattern string }{
		"create": {"address,display_name\ndora@example.com,Dora\n", "POST /users/"},
		"update": {"address,display_name\nanna@example.com,Anna Adams\n", "PATCH /users/{user}/"},
		"join":   {"address,chats\nanna@example.com,Sales\n", "POST /groupchats/{chat}/{member}/"},
	}
	faults := map[string]struct {
		faults []trilliantest.Fault
		sent   int
	}{
		"the answer is lost":        {[]trilliantest.Fault{trilliantest.DropAfter()}, 1},
		"the answer breaks off":     {[]trilliantest.Fault{trilliantest.Truncate(10)}, 1},
		"the gateway gives up":      {[]trilliantest.Fault{trilliantest.Status(504), trilliantest.CarriedOut()}, 1},
		"the request is lost":       {[]trilliantest.Fault{trilliantest.DropBefore()}, 2},
		"the server is overwhelmed": {[]trilliantest.Fault{trilliantest.Status(503)}, 2},
	}
	for name, step := range steps {
		for fault, test := range faults {
			t.Run(name+", "+fault, func(t *testing.T) {
				t.Parallel()
				srv := office(t)
				client := srv.Client()
				rows := read(t, step.csv)
				p := plan(t, client, rows, people.Options{})
				srv.Inject(step.pattern, test.faults...)
				require.Equal(t, []string{"2 " + name + " done"}, outcomes(apply(t, client, p, people.Options{})))
				require.Len(t, srv.RequestsTo(step.pattern), test.sent)
				require.Empty(t, plan(t, client, rows, people.Options{}).Steps)
			})
		}
	}
}

// What the shape of a user is, the reference does not say.
func TestUsersWithoutAnAddressStopThePlan(t *testing.T) {
	t.Parallel()
	srv := office(t)
	srv.Inject("GET /users/", trilliantest.Body("application/xml", `<response><user login="anna"/></response>`))
	_, err := people.MakePlan(t.Context(), srv.Client(), read(t, "address\nanna@example.com\n"), people.Options{})
	require.ErrorContains(t, err, "one without an address")
}

func TestWhatCannotBeLookedAtIsNotBegun(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	p := plan(t, client, read(t, "address\ndora@example.com\n"), people.Options{})
	srv.Inject("GET /users/", trilliantest.Status(403))
	path := filepath.Join(t.TempDir(), "r.csv")
	journal := open(t, path, false)
	results, err := people.Apply(t.Context(), client, p, journal, people.Options{})
	require.ErrorIs(t, err, trillian.ErrForbidden)
	require.Nil(t, results)
	require.NoError(t, journal.Finish())
	require.NoFileExists(t, path, "a file without results is in the way of the next run")
	require.Empty(t, srv.RequestsTo("POST /users/"))
}

// What was sent is told as unknown where it cannot be looked for.
func TestUnknownStaysUnknownWhereNothingCanBeSeen(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	p := plan(t, client, read(t, "address\ndora@example.com\n"), people.Options{})
	srv.Inject("POST /users/", trilliantest.DropAfter())
	srv.Inject("GET /users/", trilliantest.Status(403)).After(1) // the first is looking whether to begin
	journal := open(t, filepath.Join(t.TempDir(), "r.csv"), false)
	results, err := people.Apply(t.Context(), client, p, journal, people.Options{})
	require.ErrorIs(t, err, trillian.ErrForbidden)
	require.Equal(t, people.Unknown, results[0].Outcome)
	require.ErrorIs(t, results[0].Err, trillian.ErrOutcomeUnknown)
	require.NoError(t, journal.Finish())
}

func TestInterruptedItLooksOnceMore(t *testing.T) {
	t.Parallel()
	srv := office(t)
	client := srv.Client()
	ctx, cancel := context.WithCancelCause(t.Context())
	srv.Inject("POST /users/", trilliantest.DropAfter())
	p := plan(t, client, read(t, "address\ndora@example.com\nemil@example.com\n"), people.Options{})
	results, err := people.Apply(ctx, client, p, open(t, filepath.Join(t.TempDir(), "r.csv"), false), people.Options{
		Pause: time.Hour, Progress: func(done, _ int) {
			if done == 1 {
				cancel(errors.New("interrupt"))
			}
		},
	})
	require.ErrorContains(t, err, "interrupt")
	require.Equal(t, []string{"2 create done", "3 create skipped: not attempted: interrupted"}, outcomes(results))
}
