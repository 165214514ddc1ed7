# attnviz in English. Names are the same in every catalogue; a test compares them.

tagline = Type a sentence, see every head.
page-explore = Explore

## Sidebar
model = Model
example = Example sentence
example-choose = Choose an example
to = Translate into
to-auto = The other language
to-zh = 中文 (Chinese)
to-en = English
to-help = The first token of the source tells the model which language to write.
special = Special tokens
special-show = Show
special-hide = Hide
special-renormalise = Hide and renormalise
special-fold = Fold into one column
special-help = Tokens such as </s> stand for no text, but attention often rests on them. This concerns columns only: every row stays, since each row is one distribution.
special-folded = special
words = Merge pieces into words
words-help = Sums over the pieces of a key word and averages over the pieces of a query word, so that every row still sums to 1.

## Sentence
sentence = Sentence
sentence-placeholder = Type an English or Chinese sentence and press Enter
target = Force this translation
target-placeholder = Empty: the model translates
target-help = Type a translation to see how the model reads it: each token's probability and attention are those of your text.
working = Computing every step …
facts = { $model }: { $layers } + { $layers } layers, { $heads } heads, d_model { $width }, { $parameters } M parameters, { $dtype } on { $device }
cut-source = The sentence is longer than the model's { $limit } tokens: its last { $left_out } characters were left out.
cut-target = The forced translation is longer than the model's { $limit } tokens: its last { $left_out } characters were left out.
unfinished = The model did not come to an end within { $n } tokens; the translation is cut off there.

## Blocks
attention = Attention
encoder-self = Encoder self-attention
decoder-self = Decoder self-attention
decoder-cross = Cross-attention

## The chosen head
head-title = { $block }, layer { $layer }, head { $head }
view = View
view-heatmap = Heatmap
view-lines = Lines
view-bars = Bars
view-table = Table
scale = Colour scale
scale-linear = 0 to 1
scale-row = Row maximum
scale-sqrt = Square root
row-looks = Where `{ $row }` looks
table-row = Query
removed-hide = Hidden columns held { $share } % of this head's weight; the rows shown sum to less than 1.
removed-renormalise = Hidden columns held { $share } % of this head's weight; the rest was scaled up, so that every row with weight left sums to 1.
removed-fold = The folded column holds { $share } % of this head's weight.
caveat = A weight tells where a head looked, not why the model said what it said.

## Reading help: said only when the numbers say it
reading-sink = { $share } % of all weight (rows with a choice) goes to `{ $token }`.
reading-special = { $share } % of all weight (rows with a choice) goes to the special tokens.
reading-diagonal = { $share } % of the rows that could look most at themselves.
reading-offset = { $share } % of the rows that could look most at the token { $offset ->
    [-3] three places back
    [-2] two places back
    [-1] just before them
    [1] just after them
    [2] two places ahead
   *[3] three places ahead
 }.
reading-monotone = The largest weight walks along the source from left to right ({ $share } % of the steps do not go back), as in word alignment.
reading-uniform = Nearly uniform: the entropy is { $value } of the maximum, so this head hardly chooses.
reading-sharp = Sharp: the largest weight of a row is { $value } on average.

## Words inside the pictures
heatmap-rows = looks (query)
heatmap-columns = is looked at (key)
heatmap-row = from
heatmap-column = to
heatmap-weight = weight
heatmap-scale-linear = weight, 0 to 1
heatmap-scale-row = weight / row maximum
heatmap-scale-sqrt = weight, square-root scale
heatmap-scale-diverging = value
heatmap-gap = Blank cells have no value.
heatmap-clipped = Values beyond the scale:
bars-weight = weight
bars-other = other tokens:
formula-allowed = allowed
formula-masked = masked

## Inside the browser's pictures; <words in angle brackets> are filled in there
grid-label = All heads of this block. Arrow keys move from head to head, Shift and arrow keys from cell to cell, Enter opens the head, E enlarges it.
grid-hint = Hover over a cell to read its weight; click it, or move with the arrow keys (Shift: cells) and press Enter, to open it beside and below. Decoder rows are labelled token read → token written.
grid-blocks = Which attention
grid-scale = Colours of the grid
grid-scale-linear = 0 to 1
grid-scale-row = Row maximum
grid-scale-sqrt = Square root
grid-bar-linear = weight
grid-bar-row = weight / row maximum
grid-bar-sqrt = weight, square-root scale
grid-head = head
grid-enlarge = Enlarge
grid-back = Back to all heads
grid-rest = In each square, rows are queries and columns are keys.
grid-readout = <row> looks at <column>
grid-place = layer <layer>, head <head>
grid-nan = not a number
grid-clipped = <count> values lie outside the scale.
grid-gaps = <count> values are not a number; they are hatched.
lines-columns = Looked at: keys
lines-rows = Looking: queries
lines-bar = weight, square-root scale
lines-hint = Hover over a token, or move with Tab and the arrow keys, to see its lines and weights alone.
lines-skipped = Weights below <least> are not drawn: <count> of <total>.
lines-nan = not a number
lines-clipped = <count> values lie outside the scale.
lines-gaps = <count> values are not a number; they are not drawn.
chips-source = Source
chips-target = Target
chips-probability = Probability <p>
chips-percent = <p> %
chips-rank = Forced: choice number <rank> of the model
chips-alternatives = Most probable here

## The chosen cell
cell-title = From `{ $row }` to `{ $column }`: { $weight }
cell-renormalised = { $weight } is the weight after hidden columns were taken out of the row and the rest scaled up; the arithmetic below ends in the model's own weight.
cell-merged = This cell merges { $queries } × { $keys } tokens (sum over keys, mean over queries). The arithmetic below is that of its first pair.

## Take away
link-copy = Copy link to this view
link-copied = Link copied
take-away = Take away
save-csv = Numbers as CSV
save-tex = Numbers as LaTeX table
save-py = Numbers as torch.tensor
save-npz = Every step of this run (NPZ)
save-png = Picture as PNG
save-svg = Picture as SVG
save-pdf = Picture as PDF
no-cjk-font = The server has no font with Chinese characters: in PNG and PDF they show as boxes.

## Errors
error-empty = The sentence is empty: type one and press Enter. What is shown below is still the last one.
error-language = This model writes { $known }, not { $to }.
error-model = The model cannot be used: { $reason }.
error-address = The link had values that cannot be used and were ignored: { $names }.
