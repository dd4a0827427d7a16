package trillian

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/trillian-go/trillian/internal/transport"
)

// Version is the version of this package.
const Version = "0.1.0"

// Client talks to one Trillian Server with one token. It does not change after
// it is made, and is safe for concurrent use.
type Client struct {
	GroupChats *GroupChatsService
	Groups     *GroupsService
	Policies   *PoliciesService
	Presence   *PresenceService
	Users      *UsersService

	settings settings
	pipeline transport.Pipeline
	policy   transport.Policy
	budget   *transport.Budget // of all clients made from one
	token    transport.Token
	escaped  bool // the token looks as if it were percent-encoded
	http     *retryablehttp.Client
	owned    *http.Transport // the base transport, unless it is the user's
}

// NewClient returns a client that authenticates with the token, which is an
// administrator's for most operations and the sender's own for sending messages.
// It fails with an [ArgumentError].
//
// Trillian API: Authentication.
func NewClient(token string, opts ...Option) (*Client, error) {
	s := settings{
		baseURL:   DefaultBaseURL,
		userAgent: DefaultUserAgent,
		timeout:   DefaultTimeout,
		maxSize:   DefaultMaxResponseSize,
	}
	s.retry, _ = RetryPolicy{}.withDefaults()
	c := &Client{budget: &transport.Budget{}}
	if err := c.apply(s, opts); err != nil {
		return nil, err
	}
	return c.WithToken(token)
}

// apply sets c up by the settings s and then the options. What these leave as it was
// in c is kept, not made anew: connections, the retry budget, middleware.
func (c *Client) apply(s settings, opts []Option) error {
	before := c.settings
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt(&s); err != nil {
			return err
		}
	}
	c.settings = s
	if c.pipeline.Origin == nil || s.baseURL != before.baseURL || s.plainHTTP != before.plainHTTP {
		origin, err := parseBaseURL(s.baseURL, s.plainHTTP)
		if err != nil {
			return err
		}
		c.pipeline.Origin = origin
	}
	if c.pipeline.Base == nil || s.httpClient != before.httpClient || s.roots != before.roots || len(s.pins) != len(before.pins) {
		if err := c.setBase(); err != nil {
			return err
		}
	}
	c.pipeline.Timeout, c.pipeline.Limit = s.timeout, s.maxSize
	for _, wrap := range s.middleware[len(before.middleware):] {
		if !c.pipeline.Add(wrap) {
			return &ArgumentError{Name: "middleware", Reason: "returned nil"}
		}
	}
	c.policy = transport.Policy(s.retry)
	var hc http.Client
	if own := s.httpClient; own != nil {
		hc.Jar, hc.Timeout = own.Jar, own.Timeout
	}
	c.http = transport.NewRetryClient(hc, s.retry.MaxAttempts)
	return nil
}

// setBase sets the transport that requests leave by.
func (c *Client) setBase() error {
	s := &c.settings
	c.owned = nil
	if s.httpClient != nil && s.httpClient.Transport != nil {
		c.pipeline.Base = s.httpClient.Transport
	} else {
		c.owned = transport.NewBase()
		c.pipeline.Base = c.owned
	}
	if s.roots == nil && len(s.pins) == 0 {
		return nil
	}
	trusting, err := transport.Trust(c.pipeline.Base, s.roots, s.pins)
	if err != nil {
		return &ArgumentError{Name: "HTTP client", Reason: err.Error()}
	}
	c.owned, c.pipeline.Base = trusting, trusting
	return nil
}

// withServices gives c services of its own.
func (c *Client) withServices() *Client {
	c.GroupChats = &GroupChatsService{
		client:   c,
		Members:  &MembersService{client: c},
		Media:    &MediaService{client: c, name: "GroupChats.Media", under: "groupchats/:groupchat/media/"},
		Messages: newMessagesService(c, "GroupChats.Messages", "groupchats/:groupchat/messages/"),
	}
	c.Groups = &GroupsService{client: c, Peers: &PeersService{client: c}}
	c.Policies = &PoliciesService{client: c}
	c.Presence = &PresenceService{client: c}
	c.Users = &UsersService{
		client:   c,
		Avatar:   &AvatarService{client: c},
		Media:    &MediaService{client: c, name: "Users.Media", under: "users/:user/media/"},
		Messages: newMessagesService(c, "Users.Messages", "users/:user/messages/"),
	}
	return c
}

func checkToken(token string) error {
	reason := ""
	switch {
	case token == "":
		reason = "is empty"
	case strings.TrimSpace(token) != token:
		reason = "has white space around it"
	case strings.ContainsFunc(token, unicode.IsControl):
		reason = "has a control character in it"
	default:
		return nil
	}
	return &ArgumentError{Name: "token", Reason: reason}
}

// WithToken returns a client for the same server that authenticates with
// another token, over the same connections and with the same options, middleware
// and retry budget. A message needs its sender's own token. It fails with an
// [ArgumentError].
//
// Trillian API: Send a message to a group chat.
func (c *Client) WithToken(token string) (*Client, error) {
	if err := checkToken(token); err != nil {
		return nil, err
	}
	d := *c
	d.token, d.escaped = transport.NewToken(token), looksEscaped(token)
	return d.withServices(), nil
}

// With returns a client with the same token and, on top of c's options, others: a
// single attempt, another logger, a longer timeout, one more middleware (inside the
// existing ones, which stay the same instances). It uses the same connections unless
// an option for the HTTP client or for TLS trust replaces them, and the same retry
// budget. It fails with an [ArgumentError]. c is left as it is.
func (c *Client) With(opts ...Option) (*Client, error) {
	d := *c
	s := c.settings
	s.middleware, s.pins = slices.Clip(s.middleware), slices.Clip(s.pins)
	if err := d.apply(s, opts); err != nil {
		return nil, err
	}
	return d.withServices(), nil
}

// BaseURL returns where the resources are. It ends in a slash.
func (c *Client) BaseURL() string { return c.pipeline.Origin.String() }

// String names the client's server.
func (c *Client) String() string { return fmt.Sprintf("trillian.Client(%s)", c.BaseURL()) }

// GoString names the client's server.
func (c *Client) GoString() string { return c.String() }

// CloseIdleConnections closes the connections that no call uses, and that are the
// client's own: those of a transport given by [WithHTTPClient] are its owner's. The
// client, and those derived from it, stay usable.
func (c *Client) CloseIdleConnections() {
	if c.owned != nil {
		c.owned.CloseIdleConnections()
	}
}
