package trilliantest

import (
	"encoding/binary"
	"math"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/trillian-go/trillian"
)

type presenceOf struct {
	status    int64
	message   string
	timestamp int64 // in seconds
	devices   []trillian.Device
}

func listPresence(st *state, _ *call) (*answer, error) {
	return respond(http.StatusOK, func(x *xmlWriter) {
		for name, p := range st.presence.items() {
			writePresence(x, name, p)
		}
	})
}

func updatePresence(st *state, c *call, u *user) (*answer, error) {
	next := presenceOf{}
	if known := st.presence.get(u.name); known != nil {
		next = *known
	}
	p := c.params()
	p.text("message", &next.message)
	p.integer("status", &next.status, 0, math.MaxInt32)
	if p.change(); p.err != nil {
		return nil, p.err
	}
	next.timestamp = c.now / 1000
	st.presence.put(u.name, &next)
	return noContent()
}

func writePresence(x *xmlWriter, name string, p *presenceOf) {
	x.begin("presence", "name", name, "status", strconv.FormatInt(p.status, 10),
		"message", p.message, "timestamp", strconv.FormatInt(p.timestamp, 10))
	x.begin("devices")
	for _, d := range p.devices {
		x.empty("device", "ip", deviceIP(d.IP.Addr), "name", d.Name, "platform", d.Platform, "version", d.Version, "build", d.Build)
	}
	x.end()
	x.end()
}

// deviceIP is an address as the server writes it, its first byte the lowest.
func deviceIP(addr netip.Addr) string {
	switch addr = addr.Unmap(); {
	case addr.Is4():
		b := addr.As4()
		return strconv.FormatUint(uint64(binary.LittleEndian.Uint32(b[:])), 10)
	case addr.IsValid():
		return addr.String()
	}
	return "0"
}
