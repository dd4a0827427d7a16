package board

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trillian-go/trillian"
)

// Words is a status as people say it.
func Words(s trillian.PresenceStatus) string {
	switch s {
	case trillian.PresenceOffline:
		return "Offline"
	case trillian.PresenceOnline:
		return "Online"
	case trillian.PresenceAway:
		return "Away"
	case trillian.PresenceDoNotDisturb:
		return "Do not disturb"
	case trillian.PresenceInvisible:
		return "Invisible"
	case trillian.PresenceMobile:
		return "Mobile"
	}
	return fmt.Sprintf("Status %d", int(s))
}

// DeviceText is a device as people say it: "BONECRUSHER (Windows 6.0.50) at
// 192.168.1.138".
func DeviceText(d trillian.Device) string {
	text := d.Name
	if kind := deviceKind(d); kind != "" {
		text = strings.TrimSpace(text + " (" + kind + ")")
	}
	if d.IP.IsValid() {
		text += " at " + d.IP.String()
	}
	return strings.TrimSpace(text)
}

func deviceKind(d trillian.Device) string {
	version := strings.Trim(d.Version+"."+d.Build, ".")
	return strings.TrimSpace(d.Platform + " " + version)
}

// Change is what is different of one user between two looks.
type Change struct {
	Name string // the user's address
	What string // is, status, message, signed on, signed off, gone
	Old  string
	New  string
}

// Changes are what leads from one look to the next, in the order of the latter.
// Before the first look there was nothing: everyone "is".
func Changes(before, after []trillian.Presence) []Change {
	earlier := map[string]trillian.Presence{}
	for _, p := range before {
		earlier[p.Name] = p
	}
	var changes []Change
	for _, p := range after {
		old, known := earlier[p.Name]
		delete(earlier, p.Name)
		if !known {
			changes = append(changes, Change{p.Name, "is", "", withMessage(p)})
			changes = append(changes, deviceChanges(p.Name, nil, p.Devices)...)
			continue
		}
		if old.Status != p.Status {
			changes = append(changes, Change{p.Name, "status", Words(old.Status), withMessage(p)})
		} else if old.Message != p.Message {
			changes = append(changes, Change{p.Name, "message", old.Message, p.Message})
		}
		changes = append(changes, deviceChanges(p.Name, old.Devices, p.Devices)...)
	}
	for _, p := range before {
		if _, gone := earlier[p.Name]; gone {
			changes = append(changes, Change{p.Name, "gone", withMessage(p), ""})
		}
	}
	return changes
}

func withMessage(p trillian.Presence) string {
	if p.Message == "" {
		return Words(p.Status)
	}
	return Words(p.Status) + ": " + p.Message
}

func deviceChanges(name string, before, after []trillian.Device) (changes []Change) {
	old, now := deviceTexts(before), deviceTexts(after)
	for _, text := range now {
		if !slices.Contains(old, text) {
			changes = append(changes, Change{name, "signed on", "", text})
		}
	}
	for _, text := range old {
		if !slices.Contains(now, text) {
			changes = append(changes, Change{name, "signed off", text, ""})
		}
	}
	return changes
}

func deviceTexts(devices []trillian.Device) (texts []string) {
	for _, d := range devices {
		texts = append(texts, DeviceText(d))
	}
	return texts
}
