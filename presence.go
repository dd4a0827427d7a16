package trillian

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// PresenceService reads and sets the presence of users.
//
// Trillian API: Presence.
type PresenceService struct{ client *Client }

// PresenceStatus is a user's availability. The reference shows one value and
// explains none.
type PresenceStatus int

// The presence statuses, all of them inferred: the reference's sample has 2, with the
// message "Away since 10:49 AM EDT", and a public client of the vendor's own protocol
// knows the others.
const (
	PresenceOffline PresenceStatus = iota
	PresenceOnline
	PresenceAway
	PresenceDoNotDisturb
	PresenceInvisible
	PresenceMobile // set by the server alone
)

var presenceNames = []string{"OFFLINE", "ONLINE", "AWAY", "DO_NOT_DISTURB", "INVISIBLE", "MOBILE"}

// String returns the name, such as "AWAY", or the number where there is none.
func (s PresenceStatus) String() string {
	if s < 0 || int(s) >= len(presenceNames) {
		return strconv.Itoa(int(s))
	}
	return presenceNames[s]
}

// EncodeValues writes the number that the server reads, not the name.
func (s PresenceStatus) EncodeValues(key string, v *url.Values) error {
	v.Set(key, strconv.Itoa(int(s)))
	return nil
}

// Presence is a user's availability and the devices the user is signed in on.
type Presence struct {
	Name      string         `xml:"name,attr" json:"name"`
	Status    PresenceStatus `xml:"status,attr" json:"status"`
	Message   string         `xml:"message,attr" json:"message"`
	Timestamp Timestamp      `xml:"timestamp,attr" json:"timestamp"` // of the last change (inferred)
	Devices   []Device       `xml:"devices>device" json:"devices,omitempty"`

	Fields map[string]string `xml:",any" json:"fields,omitempty"` // what has no field here: see [User]
}

// Device is a client that a user is signed in on.
type Device struct {
	IP       DeviceIP `xml:"ip,attr" json:"ip"`
	Name     string   `xml:"name,attr" json:"name"`
	Platform string   `xml:"platform,attr" json:"platform"`
	Version  string   `xml:"version,attr" json:"version"`
	Build    string   `xml:"build,attr" json:"build"`

	Fields map[string]string `xml:",any" json:"fields,omitempty"` // what has no field here: see [User]
}

// PresenceUpdate describes changes to a user's presence. Nil fields are left
// alone.
type PresenceUpdate struct {
	Message *string         `url:"message,omitempty"`
	Status  *PresenceStatus `url:"status,omitempty"`
}

// List returns the presence of every user, as far as the server knows it.
//
// Trillian API: GET /v1/presence/
func (s *PresenceService) List(ctx context.Context) ([]Presence, error) {
	return list[Presence](ctx, s.client, endpoint("Presence.List", "presence/"), "presence")
}

// All yields the presence of every user while the response arrives. An error
// comes last, once, with a zero Presence.
//
// Trillian API: GET /v1/presence/
func (s *PresenceService) All(ctx context.Context) iter.Seq2[Presence, error] {
	return stream[Presence](ctx, s.client, endpoint("Presence.All", "presence/"), "presence")
}

// Update sets the presence of a user. [PresenceMobile] is refused.
//
// Trillian API: PATCH /v1/presence/:imaddress/
func (s *PresenceService) Update(ctx context.Context, user string, update PresenceUpdate) error {
	if value(update.Status) == PresenceMobile {
		return &ArgumentError{Name: "status", Reason: "is MOBILE, which only the server sets"}
	}
	return s.client.act(ctx, http.MethodPatch, endpoint("Presence.Update", "presence/:imaddress/", user).changes(update))
}
