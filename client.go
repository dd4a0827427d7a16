package trillian

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
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

	*shared
	http  *retryablehttp.Client
	scrub transport.Scrubber
}

// shared is what clients with different tokens of one server have in common.
type shared struct {
	settings    settings
	base        *url.URL // ends in a slash
	transport   http.RoundTripper
	policy      *transport.Policy
	headers     headers
	observed    bool // something of the user's looks at requests on their way
	patchAsPOST atomic.Bool
}

// headers are the values that every request of a kind carries, made once.
type headers struct {
	userAgent, accept, form, identity []string

	none http.Header // only read
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
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt(&s); err != nil {
			return nil, err
		}
	}
	common, err := newShared(s)
	if err != nil {
		return nil, err
	}
	return common.client(token)
}

// NewClientFromEnv returns a client that takes its token from the environment's
// TRILLIAN_TOKEN and its base URL from TRILLIAN_BASE_URL, or uses
// [DefaultBaseURL] where that is empty. Options come after the environment.
func NewClientFromEnv(opts ...Option) (*Client, error) {
	token := os.Getenv("TRILLIAN_TOKEN")
	if token == "" {
		return nil, &ArgumentError{Name: "token", Reason: "is empty: set TRILLIAN_TOKEN"}
	}
	if base := os.Getenv("TRILLIAN_BASE_URL"); base != "" {
		opts = append([]Option{WithBaseURL(base)}, opts...)
	}
	return NewClient(token, opts...)
}

func newShared(s settings) (*shared, error) {
	base, err := parseBaseURL(s.baseURL, s.plainHTTP)
	if err != nil {
		return nil, err
	}
	rt, err := s.baseTransport()
	if err != nil {
		return nil, err
	}
	common := &shared{
		settings:  s,
		base:      base,
		transport: rt,
		observed:  len(s.middleware) > 0 || s.httpClient != nil && s.httpClient.Jar != nil,
		policy: &transport.Policy{
			MaxAttempts:   s.retry.MaxAttempts,
			MinWait:       s.retry.MinWait,
			MaxWait:       s.retry.MaxWait,
			MaxRetryAfter: s.retry.MaxRetryAfter,
			Budget:        &transport.Budget{},
		},
		headers: headers{
			userAgent: []string{s.userAgent},
			accept:    []string{"application/xml"},
			form:      []string{"application/x-www-form-urlencoded"},
			identity:  []string{"identity"},
			none:      http.Header{},
		},
	}
	common.patchAsPOST.Store(s.patchAsPOST)
	return common, nil
}

func (s *settings) baseTransport() (http.RoundTripper, error) {
	rt := transport.NewBase()
	if s.httpClient != nil {
		rt = s.httpClient.Transport
	}
	if s.roots == nil && len(s.pins) == 0 {
		if rt == nil {
			rt = http.DefaultTransport
		}
		return rt, nil
	}
	rt, err := transport.Trust(rt, s.roots, s.pins)
	if err != nil {
		return nil, &ArgumentError{Name: "HTTP client", Reason: err.Error()}
	}
	return rt, nil
}

// client puts the token into its place: innermost, in a closure.
func (s *shared) client(token string) (*Client, error) {
	if err := checkToken(token); err != nil {
		return nil, err
	}
	attempt := transport.Attempt{
		Base: s.transport, Origin: s.base, Timeout: s.settings.timeout, Limit: s.settings.maxSize,
	}
	rt, scrub := attempt.WithToken(token)
	for i := len(s.settings.middleware) - 1; i >= 0; i-- {
		if rt = s.settings.middleware[i](rt); rt == nil {
			return nil, &ArgumentError{Name: "middleware", Reason: "returned nil"}
		}
	}
	hc := http.Client{Transport: rt}
	if own := s.settings.httpClient; own != nil {
		hc.Jar, hc.Timeout = own.Jar, own.Timeout
	}
	c := &Client{shared: s, http: transport.NewRetryClient(&hc, s.policy), scrub: scrub}
	c.GroupChats = &GroupChatsService{
		client:   c,
		Members:  &MembersService{client: c},
		Media:    &MediaService{client: c, name: "GroupChats.Media", under: "groupchats/:groupchat/media/"},
		Messages: &MessagesService{client: c, name: "GroupChats.Messages", under: "groupchats/:groupchat/messages/"},
	}
	c.Groups = &GroupsService{client: c, Peers: &PeersService{client: c}}
	c.Policies = &PoliciesService{client: c}
	c.Presence = &PresenceService{client: c}
	c.Users = &UsersService{
		client:   c,
		Avatar:   &AvatarService{client: c},
		Media:    &MediaService{client: c, name: "Users.Media", under: "users/:user/media/"},
		Messages: &MessagesService{client: c, name: "Users.Messages", under: "users/:user/messages/"},
	}
	return c, nil
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
// another token, over the same connections and with the same options. A message
// needs its sender's own token.
//
// Trillian API: Send a message to a group chat.
func (c *Client) WithToken(token string) (*Client, error) { return c.shared.client(token) }

// BaseURL returns where the resources are. It ends in a slash.
func (c *Client) BaseURL() string { return c.base.String() }

// String names the client's server.
func (c *Client) String() string { return fmt.Sprintf("trillian.Client(%s)", c.BaseURL()) }

// GoString names the client's server.
func (c *Client) GoString() string { return c.String() }

// Close closes the connections that no call uses. The client stays usable.
func (c *Client) Close() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Do makes a call that the services do not: to path, which is relative to the
// base URL and already escaped. Parameters go to the query of GET and HEAD, to
// the form of other verbs. The answer goes to v: nil for none, an io.Writer for
// its bytes as they are, or a pointer to a struct whose xml tags describe the
// attributes and children of <response>, and which is replaced. On an error v is
// left as it was, but for what a writer was given. A value may be moved after its
// UnmarshalText, which must therefore keep no pointer into it.
//
// Token, retries, limits and errors are as for every other call.
func (c *Client) Do(ctx context.Context, method, path string, params url.Values, v any) error {
	r, err := rawRequest(method, path, params)
	if err != nil {
		return err
	}
	return c.do(ctx, r, v)
}
