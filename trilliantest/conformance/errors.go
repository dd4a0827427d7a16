package conformance

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/trillian-go/trillian"
)

// The reference's Client Errors.
const (
	badRequest   = 400
	unauthorized = 401
	notFound     = 404
)

// Identifiers that are none of the server's.
const (
	unknownHash   = "00000000000000000000000000000000c0ffee00"
	unknownNumber = 2147483646
)

var unknownItem = base64.StdEncoding.EncodeToString([]byte("conformance: no such media item!"))

// refuseReading asks for what may not or cannot be read.
func (s *session) refuseReading() {
	for _, op := range operations {
		if op.reads() {
			s.refuseToken(op, &s.seen)
			s.refuseUnknown(op, &s.seen)
		}
	}
	for _, w := range wrong {
		if w.reads() {
			s.refuseParams(w, &s.seen)
		}
	}
}

// refuseWriting tries to change what the run has created in ways that must be
// refused.
func (s *session) refuseWriting() {
	for _, op := range operations {
		s.refuseToken(op, &s.own)
		if !op.reads() {
			s.refuseUnknown(op, &s.own)
		}
	}
	for _, w := range wrong {
		s.refuseParams(w, &s.own)
	}
}

// refuseToken makes a request that is good but for its token.
func (s *session) refuseToken(op operation, t *things) {
	args, ok := s.args(op, t)
	if !ok {
		return
	}
	err := s.stranger.Do(s.ctx, op.verb, op.at(args...), s.params(op), nil)
	s.on(op.title).refuses(err, unauthorized, "without a valid token it is answered 401")
}

// refuseUnknown makes requests for what is not there: first the thing itself,
// then, where it is read or deleted, what is below it.
func (s *session) refuseUnknown(op operation, t *things) {
	names := namesOf(op.path)
	if len(names) == 0 {
		return
	}
	args := s.unknown(names)
	s.refuseAt(op, args, "what does not exist is answered 404")
	known, _ := s.args(op, t)
	if len(names) < 2 || isNone(known[0]) || !op.reads() && op.verb != "DELETE" {
		return
	}
	args[0] = known[0]
	s.refuseAt(op, args, "what does not exist below what does is answered 404")
}

func (s *session) refuseAt(op operation, args []any, text string) {
	client := s.client
	if isSending(op) {
		if client = s.sender; client == nil {
			return
		}
	}
	err := client.Do(s.ctx, op.verb, op.at(args...), s.params(op), nil)
	s.on(op.title).refuses(err, notFound, text)
}

func isSending(op operation) bool {
	return op.verb == "POST" && strings.HasSuffix(op.path, "/messages/")
}

func namesOf(path string) []string {
	var names []string
	for segment := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(segment, ":") {
			names = append(names, segment)
		}
	}
	return names
}

// args are values for an operation's :names, of things there are, and whether
// there are all of them.
func (s *session) args(op operation, t *things) ([]any, bool) {
	inChat := strings.HasPrefix(op.path, "groupchats/")
	args := []any{}
	for _, name := range namesOf(op.path) {
		switch name {
		case ":groupchat":
			args = append(args, t.chat)
		case ":user", ":imaddress":
			args = append(args, t.user)
		case ":member":
			args = append(args, t.user)
		case ":group":
			args = append(args, t.group)
		case ":peer":
			args = append(args, t.child)
		case ":policy":
			args = append(args, t.policy)
		case ":item":
			if inChat {
				args = append(args, t.chatMedia)
			} else {
				args = append(args, t.userMedia)
			}
		case ":conversation":
			week := t.userWeek
			if inChat {
				week = t.chatWeek
			}
			args = append(args, week.Conversation, week.Year, strconv.Itoa(week.Week)) // 0 is a week
		}
	}
	args = args[:len(namesOf(op.path))]
	return args, !slices.ContainsFunc(args, isNone)
}

func isNone(arg any) bool { return arg == "" || arg == 0 }

// unknown are values for :names that nothing has.
func (s *session) unknown(names []string) []any {
	var args []any
	for _, name := range names {
		switch name {
		case ":groupchat":
			args = append(args, "#"+unknownHash+"@"+s.domain())
		case ":user", ":imaddress", ":member":
			args = append(args, s.marker+"-nobody@"+s.domain())
		case ":group", ":peer", ":policy":
			args = append(args, unknownNumber)
		case ":item":
			args = append(args, unknownItem)
		case ":conversation":
			args = append(args, unknownHash, 1999, 9)
		}
	}
	return args[:len(names)]
}

func (s *session) domain() string {
	if s.target.Domain == "" {
		return "example.com"
	}
	return s.target.Domain
}

// params are good ones, for an operation that needs some.
func (s *session) params(op operation) url.Values {
	if s.target.Sender != "" && isSending(op) {
		return url.Values{"from": {s.target.Sender}, "message": {s.marker}}
	}
	params, _ := url.ParseQuery(strings.NewReplacer("MARKER", s.marker, "DOMAIN", s.domain()).Replace(good[op.title]))
	return params
}

// good are parameters that would do.
var good = map[string]string{
	"Create a group chat":                           "displayname=MARKER&flags=0",
	"Update a group chat":                           "displayname=MARKER",
	"Create a media item owned by a group chat":     "data=SGVsbG8=&name=MARKER.txt&type=text/plain",
	"Create a media item owned by a user":           "data=SGVsbG8=&name=MARKER.txt&type=text/plain",
	"Send a message to a group chat":                "from=MARKER@DOMAIN&message=MARKER",
	"Send a message to a user":                      "from=MARKER@DOMAIN&message=MARKER",
	"Delete one or more messages from a group chat": "block=SGVsbG8=",
	"Delete one or more messages from a user":       "block=SGVsbG8=",
	"Create a group":                                "displayname=MARKER&name=MARKER-stranger&parent=0&policy=0&priority=0&type=0",
	"Update a group":                                "displayname=MARKER",
	"Create a policy":                               "data=SGVsbG8=&name=MARKER-stranger",
	"Update a policy":                               "name=MARKER-stranger",
	"Update a user's presence":                      "message=MARKER&status=2",
	"Create a user":                                 "im=MARKER-stranger@DOMAIN&password=MARKER&email=MARKER@DOMAIN",
	"Update a user":                                 "email=MARKER@DOMAIN",
	"Set a user's avatar":                           "data=SGVsbG8=&type=image/png",
}

// wrongParams is a request with invalid or missing parameters.
type wrongParams struct {
	title  string
	name   string
	value  string // "" for a parameter that is missing
	reason string
}

// wrong are such requests. A parameter is missing only where the reference's curl
// example or the operation itself makes no sense without it.
var wrong = []wrongParams{
	{"Get all group chats", "members", "perhaps", "members that is no integer"},
	{"Get all group chats", "groups", "perhaps", "groups that is no integer"},
	{"Get a single group chat", "members", "perhaps", "members that is no integer"},
	{"Get a single group chat", "groups", "perhaps", "groups that is no integer"},
	{"Create a group chat", "flags", "many", "flags that are no integer"},
	{"Create a group chat", "flags", "4294967296", "flags of more than 32 bits"},
	{"Update a group chat", "flags", "many", "flags that are no integer"},
	{"Create a media item owned by a group chat", "data", "", "no data"},
	{"Create a media item owned by a group chat", "data", "*", "data that is not Base64"},
	{"Create a media item owned by a group chat", "imagewidth", "wide", "imagewidth that is no integer"},
	{"Create a media item owned by a group chat", "thumbnail", tooLarge(), "a thumbnail of 65,536 bytes"},
	{"Create a media item owned by a user", "data", "", "no data"},
	{"Create a media item owned by a user", "data", "*", "data that is not Base64"},
	{"Create a media item owned by a user", "imageheight", "high", "imageheight that is no integer"},
	{"Send a message to a group chat", "from", "", "no sender"},
	{"Send a message to a group chat", "message", "", "no message"},
	{"Send a message to a user", "from", "", "no sender"},
	{"Send a message to a user", "message", "", "no message"},
	{"Delete one or more messages from a group chat", "block", "*", "a block that is not Base64"},
	{"Delete one or more messages from a user", "block", "*", "a block that is not Base64"},
	{"Get all groups", "peers", "perhaps", "peers that is no integer"},
	{"Get a single group", "peers", "perhaps", "peers that is no integer"},
	{"Create a group", "priority", "high", "priority that is no integer"},
	{"Create a group", "parent", "none", "parent that is no integer"},
	{"Update a group", "policy", "strict", "policy that is no integer"},
	{"Update a group", "type", "LDAP", "type that is no integer"},
	{"Create a policy", "data", "*", "data that is not Base64"},
	{"Update a policy", "data", "*", "data that is not Base64"},
	{"Update a user's presence", "status", "away", "status that is no integer"},
	{"Create a user", "im", "", "no im"},
}

func tooLarge() string {
	return base64.StdEncoding.EncodeToString(make([]byte, trillian.MaxThumbnail+1))
}

func (w wrongParams) reads() bool { return strings.HasPrefix(w.title, "Get ") }

func (s *session) refuseParams(w wrongParams, t *things) {
	c := s.on(w.title)
	args, ok := s.args(c.op, t)
	if !ok {
		return
	}
	params := s.params(c.op)
	if w.value == "" {
		params.Del(w.name)
	} else {
		params.Set(w.name, w.value)
	}
	client := s.client
	if isSending(c.op) {
		if client = s.sender; client == nil {
			return
		}
	}
	c.refuses(client.Do(s.ctx, c.op.verb, c.op.at(args...), params, nil), badRequest, w.reason+" is answered 400")
}

// refuses is the check that a call is answered with a status of the reference's
// Client Errors.
func (c checks) refuses(err error, status int, text string) bool {
	e, _ := errors.AsType[*trillian.Error](err)
	if e == nil {
		return c.holds(false, text, "%s %s is answered %d, not %d (%v)", c.s.wire.last().verb, c.s.wire.last().path, c.s.wire.last().status, status, err)
	}
	return c.holds(e.StatusCode == status, text, "%s %s is answered %d, not %d %s", e.Method, e.Path, e.StatusCode, status, http.StatusText(status))
}
