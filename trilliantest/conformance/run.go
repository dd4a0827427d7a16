// Package conformance holds a Trillian Server against the reference of its API,
// operation by operation: verb, path and status, the elements and attributes of the
// samples, what later reads see of a change, and the client errors. It is run on
// trilliantest's server, and can be run on a real one.
//
// Where the reference shows no answer (users, avatars, the files themselves, a
// user's media and messages) the checks take what the client infers, and so a
// server that fails one of those may be right.
//
//	func TestServer(t *testing.T) {
//		conformance.Run(t, conformance.Target{New: trillian.NewClientFromEnv})
//	}
//
// Without [Target.Write] it only reads. With it, it creates users, policies,
// groups and group chats of its own, whose names begin with "conformance-",
// changes only those, and removes them at the end. Group chats can only be flagged
// deleted. What a run that was cut short has left is found by that name.
package conformance

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/trillian-go/trillian"
)

// Target is a server and what may be done to it.
type Target struct {
	// New makes a client with an administrator's token and the options it is given,
	// as [trillian.NewClientFromEnv] does.
	New func(...trillian.Option) (*trillian.Client, error)

	// Write allows to create, change and remove things, besides reading.
	Write bool

	// Domain is that of the users that are created, as in "cerulean-inc.com". If it
	// is empty, it is taken from the server's first user or group chat.
	Domain string

	// Sender is a user whose own token is SenderToken. Messages are sent as the
	// sender, to a user and a group chat that were created for it. Without it, the
	// operations on messages are checked as far as they can be.
	Sender      string
	SenderToken trillian.Secret

	// Block makes the block that stands for messages of a week, for the deletion of
	// one or more of them. The reference does not say what a block holds, and so it
	// may be nil, which leaves that deletion out.
	Block func(...trillian.Message) []byte
}

// Run holds a server against the reference, with a subtest for every operation
// that fails for each check that does not hold. It logs the report as a table.
func Run(t *testing.T, target Target) Report {
	t.Helper()
	report, err := Examine(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range report {
		t.Run(result.Title, func(t *testing.T) {
			for _, check := range result.Checks {
				switch check.Outcome {
				case Failed:
					t.Errorf("%s %s: does not hold: %s: %s", result.Verb, result.Path, check.Text, check.Reason)
				default:
					t.Log(check)
				}
			}
			if result.Count(Held)+result.Count(Failed) == 0 {
				t.Skip("none of it could be checked")
			}
		})
	}
	t.Logf("\n%v", report)
	return report
}

// Examine is Run without a test. Its error says that nothing could be checked; what
// does not hold is in the report.
func Examine(ctx context.Context, target Target) (Report, error) {
	s, err := newSession(ctx, target)
	if err != nil {
		return nil, fmt.Errorf("conformance: %w", err)
	}
	defer s.client.CloseIdleConnections()
	defer s.post.CloseIdleConnections()
	for _, step := range reading {
		step(s)
	}
	if target.Write {
		s.write()
	}
	s.findUnchecked()
	return s.report, nil
}

// The steps of a run. What one creates, later ones use.
var (
	reading = []func(*session){
		(*session).readChats, (*session).readGroups, (*session).readPolicies, (*session).readPresence, (*session).readUsers,
		(*session).readMedia, (*session).readMessages, (*session).refuseReading,
	}
	writing = []func(*session){
		(*session).createUser, (*session).updateUser, (*session).updatePresence, (*session).setAvatar,
		(*session).createPolicy, (*session).updatePolicy, (*session).createGroups, (*session).updateGroup, (*session).changePeers,
		(*session).createChat, (*session).updateChat, (*session).addMember, (*session).uploadMedia, (*session).sendMessages,
		(*session).refuseWriting,
		(*session).deleteMessages, (*session).deleteMedia, (*session).deleteMember, (*session).deleteChat,
		(*session).deleteGroups, (*session).deletePolicy, (*session).deleteAvatar, (*session).deleteUser,
	}
)

// session is a run.
type session struct {
	ctx      context.Context
	target   Target
	wire     *recorder
	client   *trillian.Client
	post     *trillian.Client // sends POST for PATCH
	stranger *trillian.Client // has a token that is nobody's
	sender   *trillian.Client // nil without a sender
	report   Report
	marker   string // what all names begin with

	// What there was already: something to read, or empty.
	seen things

	// What the run has created, and not removed yet.
	own things
}

// things are names for the :names of paths.
type things struct {
	chat, user           string
	group, child, policy int
	chatMedia, userMedia string
	chatWeek, userWeek   trillian.MessageWeek
	chatMember           string
	hasAvatar            bool
}

func newSession(ctx context.Context, target Target) (*session, error) {
	if target.New == nil {
		return nil, errors.New("the target has no New")
	}
	if (target.Sender == "") != (target.SenderToken == "") {
		return nil, errors.New("the target has a sender without a token, or a token without a sender")
	}
	s := &session{ctx: ctx, target: target, wire: &recorder{}, report: newReport(), marker: newMarker()}
	var err error
	if s.client, err = target.New(trillian.WithMiddleware(s.wire.around)); err != nil {
		return nil, err
	}
	if s.post, err = target.New(trillian.WithMiddleware(s.wire.around), trillian.WithPATCHAsPOST()); err != nil {
		return nil, err
	}
	if s.stranger, err = s.client.WithToken("no token of this server's"); err != nil {
		return nil, err
	}
	if target.Sender != "" {
		if s.sender, err = s.client.WithToken(string(target.SenderToken)); err != nil {
			return nil, err
		}
	}
	return s, s.wire.below(s.client.BaseURL())
}

func newMarker() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return "conformance-" + hex.EncodeToString(b[:])
}

// write does what changes something, and cleans up whatever happens.
func (s *session) write() {
	defer s.clean()
	s.target.Domain = cmp.Or(s.target.Domain, domainOf(s.seen.user), domainOf(s.seen.chat), domainOf(s.target.Sender))
	for _, step := range writing {
		if s.ctx.Err() != nil {
			return
		}
		step(s)
	}
}

// clean removes what a step that failed has left, without checking anything.
func (s *session) clean() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), time.Minute)
	defer cancel()
	s.cleanMessages(ctx)
	chats, _ := s.client.GroupChats.List(ctx, nil)
	for _, chat := range chats {
		if s.isOwn(chat.DisplayName) {
			_, _ = s.client.GroupChats.Update(ctx, chat.Name, trillian.GroupChatUpdate{Flags: new(chat.Flags.With(trillian.GroupChatDeleted))})
		}
	}
	groups, _ := s.client.Groups.List(ctx, nil)
	for i := len(groups) - 1; i >= 0; i-- { // children come after their parents
		if s.isOwn(groups[i].Name) {
			_ = s.client.Groups.Delete(ctx, groups[i].ID)
		}
	}
	policies, _ := s.client.Policies.List(ctx)
	for _, policy := range policies {
		if s.isOwn(policy.Name) {
			_ = s.client.Policies.Delete(ctx, policy.ID)
		}
	}
	users, _ := s.client.Users.List(ctx)
	for _, user := range users {
		if s.isOwn(user.Name) {
			_ = s.client.Users.Delete(ctx, user.Name)
		}
	}
}
