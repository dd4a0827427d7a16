package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// panel is one chart of the drawing: bars of one unit.
type panel struct {
	title, unit string
	bars        []bar
}

type bar struct {
	name  string
	value float64
	ours  bool
}

// The drawing's measures, in pixels.
const (
	panelWidth = 440
	panelGap   = 40
	columns    = 2
	labelWidth = 192
	valueWidth = 64
	headHeight = 48
	barStep    = 24
	barHeight  = 14
	rowGap     = 28
	margin     = 16
)

// The colours follow the reader's scheme; there is no background, so that the
// page's own shows through.
const style = `text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #59636e; }
.title { font-size: 14px; font-weight: 600; fill: #1f2328; }
.mine { font-weight: 600; fill: #1f2328; }
.ours { fill: #0969da; }
.theirs { fill: #b6bfc9; }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1; }
  .title, .mine { fill: #f0f6fc; }
  .ours { fill: #4493f8; }
  .theirs { fill: #535c67; }
}`

// drawing writes the panels as one SVG image.
func drawing(panels []*panel) string {
	var body strings.Builder
	bottoms := make([]int, columns) // of the panels so far, each below the shorter column
	for _, p := range panels {
		column := slices.Index(bottoms, slices.Min(bottoms))
		p.draw(&body, margin+column*(panelWidth+panelGap), margin+bottoms[column])
		bottoms[column] += p.height() + rowGap
	}
	width := 2*margin + columns*panelWidth + (columns-1)*panelGap
	height := 2*margin + slices.Max(bottoms) - rowGap
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="Benchmark results as bar charts">
<style>
%s
</style>
%s</svg>
`, width, height, width, height, style, body.String())
}

func (p *panel) height() int { return headHeight + len(p.bars)*barStep }

func (p *panel) draw(b *strings.Builder, x, y int) {
	largest := 0.0
	for _, bar := range p.bars {
		largest = max(largest, bar.value)
	}
	fmt.Fprintf(b, "<g transform=\"translate(%d %d)\">\n", x, y)
	fmt.Fprintf(b, "<text class=\"title\" y=\"14\">%s</text>\n", html.EscapeString(p.title))
	fmt.Fprintf(b, "<text y=\"32\">%s</text>\n", html.EscapeString(p.unit))
	for i, bar := range p.bars {
		bar.draw(b, headHeight+i*barStep, largest)
	}
	b.WriteString("</g>\n")
}

func (bar bar) draw(b *strings.Builder, y int, largest float64) {
	const full = panelWidth - labelWidth - valueWidth
	width := max(full*bar.value/largest, 1.5)
	text, rect := "", "theirs"
	if bar.ours {
		text, rect = ` class="mine"`, "ours"
	}
	baseline := y + barHeight - 3
	fmt.Fprintf(b, "<text%s x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", text, labelWidth-8, baseline, html.EscapeString(bar.name))
	fmt.Fprintf(b, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>", rect, labelWidth, y, width, barHeight)
	fmt.Fprintf(b, "<text%s x=\"%.1f\" y=\"%d\">%s</text>\n", text, labelWidth+width+6, baseline, figures(bar.value))
}
