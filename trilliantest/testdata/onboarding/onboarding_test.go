package onboarding

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/jarcoal/httpmock"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

const (
	smw     = "smw@cerulean-inc.com"
	newUser = "new@cerulean-inc.com"
)

func newcomer() Newcomer {
	return Newcomer{
		IM: newUser, Password: "correct horse", Group: 3, Policy: 2, Greeter: smw,
		Chats: []string{trilliantest.SampleGeneral, trilliantest.SampleDevelopment},
	}
}

func TestOnServer(t *testing.T) {
	for name, faults := range map[string][]trilliantest.Fault{
		"greeting answered":      nil,
		"answer lost":            {trilliantest.DropAfter()},
		"greeting lost":          {trilliantest.DropBefore()},
		"gateway gave up on it":  {trilliantest.Status(http.StatusGatewayTimeout), trilliantest.CarriedOut()},
		"answer broke off":       {trilliantest.Truncate(10)},
		"server was overwhelmed": {trilliantest.Status(http.StatusServiceUnavailable)},
	} {
		t.Run(name, func(t *testing.T) {
			server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
			admin := server.Client()
			greeter, err := admin.WithToken(server.TokenFor(smw))
			if err != nil {
				t.Fatal(err)
			}
			if faults != nil {
				server.Inject("POST /users/{user}/messages/", faults...)
			}
			if err := Onboard(t.Context(), admin, greeter.Users.Messages, newcomer()); err != nil {
				t.Fatal(err)
			}
			greetings := 0
			for _, err := range admin.Users.Messages.History(t.Context(), newUser, nil) {
				if err != nil {
					t.Fatal(err)
				}
				greetings++
			}
			if greetings != 1 {
				t.Errorf("%d greetings arrived", greetings)
			}
			group, err := admin.Groups.Get(t.Context(), 3, nil)
			if err != nil || group.Policy != 2 {
				t.Errorf("%+v, %v", group, err)
			}
			for _, chat := range newcomer().Chats {
				members, err := admin.GroupChats.Members.List(t.Context(), chat)
				if err != nil || !slices.ContainsFunc(members, func(m trillian.Member) bool { return m.Name == newUser }) {
					t.Errorf("%s has the members %v, %v", chat, members, err)
				}
			}
		})
	}
}

// fake is the program's own interface, filled by hand: the first answer is lost.
type fake struct{ sent int }

func (f *fake) Conversations(context.Context, string) ([]trillian.Conversation, error) {
	return []trillian.Conversation{{Name: smw}}, nil
}

func (f *fake) Send(context.Context, string, trillian.MessageSend) (*trillian.Message, error) {
	f.sent++
	return nil, &trillian.Error{Method: http.MethodPost, OutcomeUnknown: true, Err: errors.New("the answer was lost")}
}

func TestOnInterface(t *testing.T) {
	f := &fake{}
	if err := Greet(t.Context(), f, smw, newUser); err != nil || f.sent != 1 {
		t.Errorf("%v, sent %d times", err, f.sent)
	}
}

func TestOnCannedAnswers(t *testing.T) {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder(http.MethodPost, `=~/messages/`, httpmock.NewStringResponder(http.StatusNotFound, "<response> <error>no such user</error></response>"))
	client, err := trillian.NewClient("token", trillian.WithHTTPClient(&http.Client{Transport: mock}))
	if err != nil {
		t.Fatal(err)
	}
	if err := Greet(t.Context(), client.Users.Messages, smw, newUser); !errors.Is(err, trillian.ErrNotFound) {
		t.Error(err)
	}
}

// The conversation of the reference's sample is the greeter's here: the greeting
// had arrived, and only its answer was lost.
func TestOnCannedAnswersWithOneLost(t *testing.T) {
	const history = `<response> <messages conversation="c798b870f797b37878fe19cf05198f50d88273dd" medium="astra" name="smw@cerulean-inc.com" revision="1"> ` +
		`<week flags="2" href="https://api.trillian.im/v1/users/.../messages/c798b870f797b37878fe19cf05198f50d88273dd/2016/20/" messages="1" week="20" year="2016"/></messages></response>`
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder(http.MethodPost, `=~/messages/`, httpmock.NewErrorResponder(io.EOF))
	mock.RegisterResponder(http.MethodGet, `=~/messages/`, httpmock.NewStringResponder(http.StatusOK, history))
	client, err := trillian.NewClient("token", trillian.WithHTTPClient(&http.Client{Transport: mock}))
	if err != nil {
		t.Fatal(err)
	}
	if err := Greet(t.Context(), client.Users.Messages, smw, newUser); err != nil {
		t.Error(err)
	}
	if calls := mock.GetCallCountInfo(); calls["POST =~/messages/"] != 1 || calls["GET =~/messages/"] != 1 {
		t.Errorf("%v", calls)
	}
}
