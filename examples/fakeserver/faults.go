package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/trillian-go/trillian/trilliantest"
)

const faultUsage = `a PATTERN of requests, "=", and what goes wrong with them, divided by commas:
  -fault 'POST /users/{user}/messages/=drop-after'
  -fault 'GET /users/=status=503,retry-after=2s,times=3'
What can go wrong:
  status=503           is answered, and nothing is carried out
  retry-after=2s       goes with it; alone, the status is 429
  body=TEXT            is answered; all that follows belongs to it, commas too
  carried-out          it is, whatever status or body is answered
  carried-out-late=2s  it is after a wait, even if the client has gone
  delay=500ms          before it is carried out
  drop-before          the connection ends before it is carried out
  drop-after           the connection ends after it is carried out
  drop-upload=100      the connection ends after as many bytes of the request's body
  truncate=100         the connection ends after as many bytes of the answer's body
How often, once if nothing is said:
  times=3, always
  after=2              the first two requests pass
The flag may be given again.`

// faultFlag is a -fault as it was given: a pattern, and what to inject for it.
type faultFlag struct {
	pattern string
	faults  []trilliantest.Fault
	often   []func(*trilliantest.Injection)
}

func (f *faultFlag) inject(server *trilliantest.Server) {
	i := server.Inject(f.pattern, f.faults...)
	for _, set := range f.often {
		set(i)
	}
}

// parseFault reads what follows -fault. A pattern holds no "=", which a media
// id has to escape.
func parseFault(text string) (faultFlag, error) {
	pattern, list, ok := strings.Cut(text, "=")
	f := faultFlag{pattern: pattern}
	if !ok {
		return f, errors.New("it has no fault: write PATTERN=FAULT")
	}
	if err := trilliantest.CheckPattern(pattern); err != nil {
		return f, err
	}
	for rest := true; rest; {
		var one string
		if one, list, rest = strings.Cut(list, ","); strings.HasPrefix(one, "body=") && rest {
			one, rest = one+","+list, false
		}
		if err := f.add(one); err != nil {
			return f, err
		}
	}
	if len(f.faults) == 0 {
		return f, errors.New("nothing goes wrong: it says only how often")
	}
	return f, nil
}

// add reads one of the faults, or how often they happen.
func (f *faultFlag) add(text string) error {
	name, value, given := strings.Cut(text, "=")
	v := faultValue{text: value, given: given}
	var fault trilliantest.Fault
	var often func(*trilliantest.Injection)
	switch name {
	case "status":
		fault = trilliantest.Status(v.number(200, 599))
	case "retry-after":
		fault = trilliantest.RetryAfter(v.duration())
	case "delay":
		fault = trilliantest.Delay(v.duration())
	case "drop-before":
		fault = trilliantest.DropBefore()
		v.none()
	case "drop-after":
		fault = trilliantest.DropAfter()
		v.none()
	case "drop-upload":
		fault = trilliantest.DropUpload(int64(v.number(0, 1<<30)))
	case "truncate":
		fault = trilliantest.Truncate(v.number(0, 1<<30))
	case "carried-out":
		fault = trilliantest.CarriedOut()
		v.none()
	case "carried-out-late":
		fault = trilliantest.CarriedOutLate(v.duration())
	case "body":
		fault = trilliantest.Body(http.DetectContentType([]byte(value)), value)
		v.some()
	case "times":
		n := v.number(1, 1<<30)
		often = func(i *trilliantest.Injection) { i.Times(n) }
	case "always":
		often = func(i *trilliantest.Injection) { i.Always() }
		v.none()
	case "after":
		n := v.number(1, 1<<30)
		often = func(i *trilliantest.Injection) { i.After(n) }
	default:
		return fmt.Errorf("%q is not a fault; see -help", name)
	}
	if v.err != nil {
		return fmt.Errorf("%s %w", name, v.err)
	}
	if often != nil {
		f.often = append(f.often, often)
	} else {
		f.faults = append(f.faults, fault)
	}
	return nil
}

// faultValue is what follows a fault's name. The first thing that is wrong with it
// is kept.
type faultValue struct {
	text  string
	given bool
	err   error
}

func (v *faultValue) none() {
	if v.given {
		v.err = errors.New("takes no value")
	}
}

func (v *faultValue) some() {
	if !v.given {
		v.err = errors.New("needs a value")
	}
}

func (v *faultValue) number(least, most int) int {
	n, err := strconv.Atoi(v.text)
	if err != nil || n < least || n > most {
		v.err = fmt.Errorf("needs a number from %d to %d", least, most)
		return least
	}
	return n
}

func (v *faultValue) duration() time.Duration {
	d, err := time.ParseDuration(v.text)
	if err != nil || d < 0 {
		v.err = errors.New("needs a duration, such as 2s or 500ms")
	}
	return d
}
