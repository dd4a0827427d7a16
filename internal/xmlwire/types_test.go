package xmlwire

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// The types that the package is for, as a user of it would write them.

type timestamp struct{ time.Time }

func (t *timestamp) UnmarshalText(text []byte) error {
	n, ok := Digits(text) // as the client does
	var err error
	if !ok {
		n, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	}
	switch {
	case len(text) == 0 || n == 0 && err == nil:
		*t = timestamp{}
	case err != nil:
		return err
	case n < 1e11:
		t.Time = time.Unix(n, 0).UTC()
	default:
		t.Time = time.UnixMilli(n).UTC()
	}
	return nil
}

type deviceIP struct{ netip.Addr }

func (ip *deviceIP) UnmarshalText(text []byte) error {
	n, ok := Digits(text)
	if !ok || n > math.MaxUint32 {
		return ip.Addr.UnmarshalText(text)
	}
	ip.Addr = netip.AddrFrom4([4]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
	return nil
}

type policyData string

func (d *policyData) UnmarshalText(text []byte) error {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("policy data %q: %w", text, err)
	}
	*d = policyData(data)
	return nil
}

type chatFlags uint32

type collection[T any] struct {
	Href  string `xml:"href,attr"`
	Items []T    `xml:",any"`
}

type member struct {
	Name  string    `xml:"name,attr"`
	Flags chatFlags `xml:"flags"`
}

type peer struct {
	ID int `xml:"id,attr"`
}

type group struct {
	ID          int              `xml:"id,attr"`
	DisplayName string           `xml:"displayname"`
	Name        string           `xml:"name"`
	Parent      int              `xml:"parent"`
	Policy      int              `xml:"policy"`
	Priority    int              `xml:"priority"`
	Type        int              `xml:"type"`
	Peers       collection[peer] `xml:"peers" items:"peer"`
}

type media struct {
	ID        string    `xml:"m,attr"`
	CreatedAt timestamp `xml:"createdAt"`
	ExpiresAt timestamp `xml:"expiresAt"`
	Size      int64     `xml:"size"`
	Owner     string    `xml:"owner"`
	Type      string    `xml:"type"`
	Name      string    `xml:"name"`
	Thumbnail string    `xml:"thumbnail"`
	Data      string    `xml:"data"`
}

type message struct {
	Timestamp    timestamp `xml:"timestamp,attr"`
	From         string    `xml:"from,attr"`
	Text         string    `xml:",chardata"`
	Conversation string    `xml:"-"`
}

type groupChat struct {
	Name             string              `xml:"name,attr"`
	DisplayName      string              `xml:"displayname"`
	Topic            string              `xml:"topic"`
	Flags            chatFlags           `xml:"flags"`
	MessageTimestamp timestamp           `xml:"messageTimestamp"`
	Groups           collection[group]   `xml:"groups" items:"group"`
	Members          collection[member]  `xml:"members" items:"member"`
	Media            collection[media]   `xml:"media" items:"media"`
	Messages         collection[message] `xml:"messages" items:"message"`
}

type device struct {
	IP       deviceIP `xml:"ip,attr"`
	Name     string   `xml:"name,attr"`
	Platform string   `xml:"platform,attr"`
	Version  string   `xml:"version,attr"`
	Build    string   `xml:"build,attr"`
}

type presence struct {
	Name      string    `xml:"name,attr"`
	Status    int       `xml:"status,attr"`
	Message   string    `xml:"message,attr"`
	Timestamp timestamp `xml:"timestamp,attr"`
	Devices   []device  `xml:"devices>device"`
}

type policy struct {
	ID   int        `xml:"id,attr"`
	Data policyData `xml:"data"`
	Name string     `xml:"name"`
}

type week struct {
	Year     int    `xml:"year,attr"`
	Week     int    `xml:"week,attr"`
	Messages int    `xml:"messages,attr"`
	Flags    uint32 `xml:"flags,attr"`
	Href     string `xml:"href,attr"`
}

type conversation struct {
	ID       string `xml:"conversation,attr"`
	Medium   string `xml:"medium,attr"`
	Name     string `xml:"name,attr"`
	Revision int    `xml:"revision,attr"`
	Weeks    []week `xml:"week"`
}

type user struct {
	Name        string            `xml:"name,attr"`
	Email       string            `xml:"email"`
	DisplayName string            `xml:"displayname"`
	Fields      map[string]string `xml:",any"`
}

// The documents, as structs.

type messagesDoc struct {
	Messages []message `xml:"messages>message"`
}

type chatsDoc struct {
	Chats []groupChat `xml:"groupchat"`
}

type presencesDoc struct {
	Presences []presence `xml:"presence"`
}

type usersDoc struct {
	Users []user `xml:"user"`
}
