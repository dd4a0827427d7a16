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

// PresenceAway is the status of the reference's sample, whose message is "Away
// since 10:49 AM EDT" (inferred).
const PresenceAway PresenceStatus = 2

// String returns "AWAY" or the number.
func (s PresenceStatus) String() string {
	if s == PresenceAway {
		return "AWAY"
	}
	return strconv.Itoa(int(s))
}

// EncodeValues writes the number that the server reads, not the name.
func (s PresenceStatus) EncodeValues(key string, v *url.Values) error {
	v.Set(key, strconv.Itoa(int(s)))
	return nil
}

// Presence is a user's availability and the devices the user is signed in on.
type Presence struct {
	Name      string         `xml:"name,attr"`
	Status    PresenceStatus `xml:"status,attr"`
	Message   string         `xml:"message,attr"`
	Timestamp Timestamp      `xml:"timestamp,attr"` // of the last change (inferred)
	Devices   []Device       `xml:"devices>device"`
}

// Device is a client that a user is signed in on.
type Device struct {
	IP       DeviceIP `xml:"ip,attr"`
	Name     string   `xml:"name,attr"`
	Platform string   `xml:"platform,attr"`
	Version  string   `xml:"version,attr"`
	Build    string   `xml:"build,attr"`
}

// PresenceUpdate describes changes to a user's presence. Nil fields are left
// alone.
type PresenceUpdate struct {
	Message *string         `url:"message,omitempty"`
	Status  *PresenceStatus `url:"status,omitempty"`
}

// List returns the presence of every user the server knows one of.
//
// Trillian API: GET /v1/presence/
func (s *PresenceService) List(ctx context.Context) ([]Presence, error) {
	return list[Presence](ctx, s.client, endpoint("Presence.List", "presence/"), "presence")
}

// All yields the presence of every user while the answer arrives. An error
// comes last, once, with a zero Presence.
//
// Trillian API: GET /v1/presence/
func (s *PresenceService) All(ctx context.Context) iter.Seq2[Presence, error] {
	return stream[Presence](ctx, s.client, endpoint("Presence.All", "presence/"), "presence")
}

// Update sets the presence of a user.
//
// Trillian API: PATCH /v1/presence/:imaddress/
func (s *PresenceService) Update(ctx context.Context, user string, update PresenceUpdate) error {
	return s.client.act(ctx, http.MethodPatch, endpoint("Presence.Update", "presence/:imaddress/", user).changes(update))
}
