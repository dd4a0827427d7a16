package main

import (
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/trillian-go/trillian/examples/trillianctl/internal/archive"
)

// meter shows how far an archive has come: bars with rate and time left on a
// terminal, and elsewhere a line now and then.
type meter struct {
	w     io.Writer
	step  archive.Step
	begun time.Time // of the step; zero before the first

	bars *mpb.Progress // nil where w is no terminal
	bar  *mpb.Bar

	said time.Time // when the last line was written
	last archive.Progress
}

const betweenLines = 5 * time.Second

func newMeter(w io.Writer, terminal bool) *meter {
	m := &meter{w: w}
	if terminal {
		m.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(64))
	}
	return m
}

func (m *meter) show(p archive.Progress) {
	if m.begun.IsZero() || p.Step != m.step {
		m.endStep()
		m.step, m.begun, m.said = p.Step, time.Now(), time.Now()
		if m.bars != nil {
			m.bar = m.newBar(p)
		}
	}
	m.last = p
	switch {
	case m.bar != nil:
		m.bar.SetTotal(p.Total, false)
		m.bar.SetCurrent(p.Done)
	case time.Since(m.said) >= betweenLines:
		m.say()
	}
}

func (m *meter) newBar(p archive.Progress) *mpb.Bar {
	counters, speed := decor.CountersNoUnit("%d / %d"), decor.AverageSpeed(0, "%.0f/s")
	if p.Step == archive.Files {
		counters, speed = decor.CountersKibiByte("% .1f / % .1f"), decor.AverageSpeed(decor.SizeB1024(0), "% .1f")
	}
	return m.bars.AddBar(p.Total,
		mpb.PrependDecorators(decor.Name(p.Step.String(), decor.WCSyncSpaceR), counters),
		mpb.AppendDecorators(speed, decor.Name(" "), decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO), "done")))
}

// say writes a line.
func (m *meter) say() {
	m.said = time.Now()
	line := fmt.Sprintf("%s: %d of %d", m.step, m.last.Done, m.last.Total)
	if rate := float64(m.last.Done) / time.Since(m.begun).Seconds(); rate > 0 && m.last.Done < m.last.Total {
		left := time.Duration(float64(m.last.Total-m.last.Done) / rate * float64(time.Second))
		line += fmt.Sprintf(", %.0f/s, %v left", rate, left.Round(time.Second))
	}
	fmt.Fprintln(m.w, line)
}

// endStep ends what is shown of a step, which may have broken off.
func (m *meter) endStep() {
	switch {
	case m.begun.IsZero():
	case m.bar == nil:
		m.say()
	case m.last.Done >= m.last.Total:
		m.bar.SetTotal(m.last.Total, true)
	default:
		m.bar.Abort(false)
	}
}

// stop ends what is shown.
func (m *meter) stop() {
	m.endStep()
	if m.bars != nil {
		m.bars.Wait()
	}
}
