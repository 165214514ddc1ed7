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

## Steps: the page
page-steps = Steps
way-encoder = Encoder
way-decoder = Decoder
way-output = Output
way-embed = Embedding
way-self = Self-attention
way-cross = Cross-attention
way-mlp = MLP
way-norm = Norm
way-short-self = Self
way-short-embed = Emb
way-short-norm = Norm
way-short-cross = Cross
way-layer = Layer { $layer }
way-between = {", "}
walk-label = All steps of the computation. The left and right arrow keys go from step to step.
walk-previous = Previous
walk-next = Next
walk-position = Step <current> of <total>
otherwise = otherwise
step-unknown = The formula and the numbers are those that the model declares.
axis-h = head
axis-g = key/value head
axis-t = token t
axis-s = key token s
axis-c = position c
axis-d = dimension d
axis-k = dimension k of the head
axis-e = dimension e of the value
axis-f = hidden unit f
axis-v = vocabulary v
axis-a = hidden unit a
axis-n = group n
axis-r = feature r
axis-u = vocabulary u
show = Show the tensor as
show-picture = Picture
show-table = Table
tensor-label = <title>: click a cell to open it, or move with Shift and the arrow keys.
tensor-readout = <title>: <row>, <column> = <value>
tensor-hint = Click a cell to open it. Hover to read every digit. The arrow keys ← → walk on.
tensor-nan = not a number
tensor-clipped = <count> values lie outside the scale.
tensor-gaps = <count> values are not a number; they are hatched.
window-tokens = Of the vocabulary { $n } tokens are shown: the most probable ones of this row, and the chosen one.
opened-given = This step is given from outside: nothing is computed here.
opened-place = index
opened-term = term
opened-value = value
opened-result = result
opened-smaller = { $n } smaller terms
opened-more = { $n } more
opened-sum = Sum of the { $n } terms
opened-mean = Divided by { $n }
opened-max = Largest
opened-argmax = Place of the largest
opened-rest = With the rest of the formula
opened-model = The model’s own number
opened-difference = Difference
opened-digits = With a pocket calculator: take the factors with { $factors } digits and the terms with { $terms } decimals, as written here, and you get the sum shown.
opened-digits-terms = With a pocket calculator: take the terms with { $terms } decimals, as written here, and you get the sum shown.
code = Show me the code
code-help = Runs as it stands in the folder of attnviz. The first number is computed here, the second is the model’s own.
step-csv = This matrix as CSV
step-npy = The whole tensor (NPY)
present = Presenter mode
lesson = What to walk through
lesson-sentence = Your sentence
lesson-textbook = First lesson

## Steps: switches and checks
switch = What if?
switch-where = These switches change { $place }, all its heads, and the model computes on from there. The tokens stay those that were written.
switch-on = Switches are on in { $place }: what follows it is not the model’s usual computation.
switch-decision = The choice of a token is switched: temperature, top-k or top-p are not the usual ones.
switch-reset = Switch all back
scaling = Divide by √d_head
scaling-help = Normal: on. Without it the scores grow with the width of the head and softmax puts nearly all weight on one token.
scaling-changed = **No scaling.** The scores are √d_head times as large, so softmax is sharper: entropy falls and the largest weight grows. Everything before the scores is unchanged.
mask = Mask and softmax
mask-before = Mask first
mask-after = Mask last
mask-none = No mask
mask-help = Normal: before softmax, so that every row still sums to 1. After softmax is a common mistake.
mask-changed = { $value ->
    [after] **Mask after softmax.** The future was part of every denominator and is then set to zero: rows no longer sum to 1, so their entropy cannot be compared with the normal one. Scores and values are unchanged.
   *[none] **No mask.** Every token looks at those after it, which a model that writes from left to right cannot know. Scores and values are unchanged; each row still sums to 1.
 }
softmax = Softmax
softmax-stable = Stable
softmax-naive = Naive
softmax-help = Normal: stable, the row maximum is taken off first. The naive one gives the same weights until an exponential overflows: try it with a small temperature.
softmax-changed = **Naive softmax.** No maximum is taken off. The weights are the same as long as every exponential fits the number format; above about 88.7 float32 overflows to infinity, and infinity over infinity is not a number.
tau = Temperature
tau-help = Normal: 1. The scores are divided by it: below 1 the weights get sharper, above 1 flatter.
tau-changed = **Temperature { $value }.** The scores are divided by it before the mask. The order of the weights in a row stays, their entropy changes.
effect-row = Row of `{ $token }`, head { $head }
effect-normal = normal
effect-switched = switched
effect-entropy = Entropy (nats)
effect-largest = Largest weight
effect-total = Row sum
effect-future = Weight on later tokens
effect-nan = { $n } weights of this row are not a number (nan): an exponential overflowed. All that is computed from them is nan too; the app goes on.
effect-output = The model’s first choice differs at { $n } of { $total } places of the output.
checks = Is this attention?
check-rows = Rows sum to 1: largest deviation { $value } (allowed { $limit })
check-masked = The future has weight exactly 0: largest { $value }
check-leak = Nothing leaks from the future: outputs change by { $value } when only later keys and values change (allowed { $limit })
check-kernel = Same as PyTorch’s own kernel on this input: largest difference { $value } (allowed { $limit })
check-number = Computed in { $dtype } on { $device }
decision = How a token is chosen
decision-help = Normal: temperature 1, no cut. The app always writes the most probable token, which none of these changes; they matter when a token is drawn at random.
temperature = Temperature
temperature-help = Normal: 1. The logits are divided by it: below 1 the most probable tokens gain, above 1 the others.
top_k = Top-k (0: all)
top_k-help = Only the k most probable tokens stay.
top_p = Top-p
top_p-help = The most probable tokens stay until together they have this probability.

## Steps: the first lesson
way-encode = Encode
way-query = Query
way-attend = Compare, weigh, aggregate
way-classify = Classify
lesson-tokens = Tokens
lesson-width = Width d
lesson-scoring = Score
lesson-dot = Dot product
lesson-scaled_dot = Scaled dot product
lesson-additive = Additive
lesson-bilinear = Bilinear
lesson-activation = Activation
lesson-tanh = tanh
lesson-relu = ReLU
lesson-none = None
lesson-bias = Biases
lesson-x = token vectors
lesson-q = query
lesson-W_E = encodes the tokens
lesson-b_E = bias of the encoding
lesson-W_Q = maps the query
lesson-b_Q = bias of the query
lesson-W_C = scores the classes
lesson-b_C = bias of the classes
lesson-M = matrix of the score
lesson-v = vector of the score
lesson-hint = Type in the cells. An empty cell counts as 0, numbers go from −1,000,000 to 1,000,000.
lesson-class = class { $n }
step-attend-v = Take the tokens as values
step-attend-v-what = What is mixed in the end are the token vectors themselves, not their encodings.
error-lesson = The lesson’s numbers in the link cannot be used, the usual ones are shown: `{ $reason }`.

## Steps: what each step is called and what it does
# Looked for as step-SCOPE-NAME first, then as step-NAME.
step-embed-ids = Token numbers
step-embed-ids-what = The sentence is cut into tokens (words, pieces of words, punctuation), and each token is replaced by its number in the model's vocabulary.
step-embed-token = Look up token vectors
step-embed-token-what = Each number selects a learned vector from a table: the embedding of that token. It is scaled up so that the position vector added later does not drown it.
step-embed-waves = Table of sines and cosines
step-embed-waves-what = Every position has a fixed vector made of sine and cosine waves, from fast ones to slow ones. No two positions share the same vector, so it tells where a token stands.
step-embed-learned = Learned position table
step-embed-learned-what = Every position has a vector of its own, learned in training, that tells where a token stands.
step-embed-position = Look up position vectors
step-embed-position-what = For each token, the row of its position is taken from the table. Without it, attention could compare what the tokens are, but not where they stand.
step-embed-sum = Add token and position
step-embed-sum-what = The two vectors of a token are added: from here on, a single vector says which token it is and where it stands.

step-mean = Mean of each vector
step-mean-what = The numbers of each token's vector are averaged; the norm then measures every number from this mean.
step-variance = Variance of each vector
step-variance-what = How widely the numbers of each token's vector scatter around their mean; the square root of this, the standard deviation, is what they are divided by next.
step-mean_square = Mean square of each vector
step-mean_square-what = The squares of the numbers of each token's vector are averaged; the square root of this is what the vector is divided by next.
step-normalised = Normalise the vectors
step-normalised-what = Every token's vector is brought to the same scale, which keeps the computation stable through many layers. Layer norm subtracts the mean and divides by the standard deviation; RMS norm divides by the root mean square.
step-gain = Multiply by the gain
step-gain-what = Each dimension is multiplied by a learned number, so that some dimensions can count for more and others for less.
step-norm = Result of the norm
step-norm-what = The norm's last step: layer norm adds a learned number, the bias, to each dimension; RMS norm, which has no bias, applies its learned gain here.
step-encoder-norm = Encoder output
step-encoder-norm-what = The last step of the final norm gives the encoder's output, one vector per source token. If the model has a decoder, its cross-attention makes keys and values from these vectors.
step-decoder-norm = Decoder output
step-decoder-norm-what = The last step of the final norm gives the decoder's output, one vector per token. From it the model works out which token comes next.

step-q = Make queries
step-q-what = A layer has several heads, each a separate attention. In each head, every token's vector is turned into a query, which stands for what the token looks for.
step-k = Make keys
step-k-what = Every token's vector is also turned into a key, one per head or shared by several heads. Queries are compared with it: it stands for what the token can be found by.
step-v = Make values
step-v-what = Every token's vector is also turned into a value, one per head or shared by several heads: what a query receives when it looks at this token.
step-cross-q = Queries from the target
step-cross-q-what = In each head, the vector of every target token is turned into a query, which stands for what this token looks for in the source.
step-cross-k = Keys from the source
step-cross-k-what = The keys are made from the encoder's output, so that the queries of the target are compared with the tokens of the source.
step-cross-v = Values from the source
step-cross-v-what = The values, too, are made from the encoder's output: they are what the target receives from the source.
step-raw = Compare queries with keys
step-raw-what = The dot product of every query with every key measures how well they match: the more they point the same way and the longer they are, the larger it is.
step-scaled = Divide by √d_head
step-scaled-what = Dot products tend to grow with the number of dimensions. Dividing by the square root of d_head, the number of dimensions in a head, keeps them from becoming so large that almost all weight falls on one key.
step-tempered = Divide by the temperature
step-tempered-what = A temperature below 1 drives the scores apart and sharpens the attention; one above 1 brings them closer and evens it out.
step-scores = Finished scores
step-scores-what = How well every query matches every key, ready for the mask. If this attention adds a bias to the score, it is included.
step-given = Padding mask
step-given-what = Shorter sentences processed together with longer ones are filled up with padding. The mask, given with the input, is 1 where a query may look and 0 at padding.
step-allowed = Causal mask
step-allowed-what = The mask is 1 where the key stands at the query's own position or before it, and 0 where it stands after it: a token must not see the tokens that are still to be predicted.
step-both = Combine the masks
step-both-what = A query may look at a key only where both masks allow it.
step-masked = Apply the mask
step-masked-what = Where looking is not allowed, the score becomes −∞, so that the weight will be 0; all other scores stay. Where there is no mask, as usual in an encoder, every score stays.
step-cross-masked = Apply the mask (none here)
step-cross-masked-what = The source is known in full, so every source token may be looked at and the scores stay as they are. Only padding, if there is any, is set to −∞.
step-max = Largest score per query
step-max-what = The largest score of each query. It is subtracted from all scores of that query before the exponential is taken, which leaves the weights as they are and keeps the numbers from growing too large for the computer.
step-exp = Take exponentials
step-exp-what = The exponential makes every score positive, and a lead of 1 becomes a factor of about 2.7. A score of −∞ becomes 0, so that a masked key counts for nothing.
step-sum = Sum per query
step-sum-what = Adds up all the exponentials of each query: the total that they are divided by to become shares.
step-unmasked = Weights before the late mask
step-unmasked-what = Each exponential is divided by the sum of its row, in which future tokens count too. In this variant the mask comes only afterwards, which is a mistake.
step-pattern = Attention weights
step-pattern-what = The share of its attention that each query gives to each key. The shares of a row normally sum to 1; if the mask comes only at this step, they can sum to less.
step-cross-pattern = Attention weights on the source
step-cross-pattern-what = The share of its attention that each target token gives to each source token. The shares of a row normally sum to 1.
step-z = Mix the values
step-z-what = For each query, the values are multiplied by its attention weights and added up: the more weight a token has, the more its value counts.
step-out = Combine the heads
step-out-what = A learned matrix turns the results of all heads into one vector per token, which is then added to the token's vector from before the attention.

step-resid_pre = Enter the layer
step-resid_pre-what = One vector per token as it enters the layer. These vectors run through all layers, and every part of a layer adds to them: this is the residual stream.
step-added = Add to the residual stream
step-added-what = The output of the attention or the MLP is added to the vectors it was computed from, so that what they held is not lost. The norm comes after this.
step-resid_mid = After self-attention
step-resid_mid-what = What self-attention found is added to the vectors that entered the layer. In a post-norm model the sum has also been normalised.
step-resid_cross = After cross-attention
step-resid_cross-what = What cross-attention found in the source is added to the vectors. In a post-norm model the sum has also been normalised.
step-resid_post = Leave the layer
step-resid_post-what = The result of the MLP is added to the vectors, which then leave the layer. In a post-norm model the sum has also been normalised.
step-mlp-pre = Map to hidden units
step-mlp-pre-what = The MLP, a small neural network, works on each token by itself. Its first learned map turns the token's vector into one number per hidden unit, usually more numbers than the vector has.
step-mlp-post = Apply the activation
step-mlp-post-what = Negative numbers are set to 0 (ReLU) or smoothly drawn towards 0 (GELU). Without this non-linear step, the two maps of the MLP would amount to a single linear one.
step-mlp-out = Map back to the model's width
step-mlp-out-what = A second learned map turns the hidden units of each token into a vector as wide as the residual stream, so that the two can be added.

step-output-logits = Score the vocabulary
step-output-logits-what = The dot product of each token's finished vector with the embedding of every token in the vocabulary gives every candidate a score, its logit. In the decoder, the row of the token at position t scores the candidates for position t + 1.
step-output-tempered = Divide by the temperature
step-output-tempered-what = A temperature below 1 makes the most probable token more probable still; one above 1 brings the probabilities of all tokens closer together.
step-output-max = Largest logit
step-output-max-what = The largest value over the whole vocabulary. It is subtracted before the exponential is taken, which leaves the probabilities as they are and keeps the numbers from growing too large for the computer.
step-output-exp = Take exponentials
step-output-exp-what = The exponential makes the value of every token in the vocabulary positive, and a lead of 1 becomes a factor of about 2.7. The largest value becomes 1.
step-output-sum = Sum over the vocabulary
step-output-sum-what = Adds up the exponentials of all tokens in the vocabulary: the total that they are divided by to become probabilities.
step-output-probs = Token probabilities
step-output-probs-what = The probability that the model gives to each token of the vocabulary; each row sums to 1.
step-output-rank = Rank of each token
step-output-rank-what = The most probable token has rank 1, the next one rank 2; tokens that are equally probable share a rank. The top-k cut goes by this.
step-output-before = Probability of likelier tokens
step-output-before-what = For each token, the probabilities of all more probable tokens are added up. The top-p cut goes by this.
step-output-cut = Cut by top-k and top-p
step-output-cut-what = A token keeps its probability if it is among the k most probable and the more probable ones together have less than p; otherwise it gets 0.
step-output-left = Probability left
step-output-left-what = Adds up the probabilities that survived the cut.
step-output-final = Renormalise what is left
step-output-final-what = The surviving probabilities are divided by their sum, so that they sum to 1 again.
step-output-chosen = Choose the token
step-output-chosen-what = The most probable of the tokens left is the model's choice. In the decoder, the row of the token at position t chooses the token for position t + 1.

step-encode-x = Token vectors
step-encode-x-what = Every token is represented by a vector. Here you type in its numbers; a real model learns them.
step-encode-linear = Linear map
step-encode-linear-what = Each token vector is multiplied by a weight matrix, and a bias is added: every new number is a weighted sum of the old ones, shifted by a constant.
step-encode-e = Apply the activation
step-encode-e-what = An activation function is applied to each number by itself; if it is not linear, more can be expressed than by a linear map alone. The result e_i is the encoding of token i, which the query will be compared with.
step-query-q = Query vector
step-query-q-what = The query stands for what is looked for. Here you type in its numbers.
step-query-linear = Linear map of the query
step-query-linear-what = The query vector, too, is multiplied by a weight matrix and a bias is added.
step-query-prime = Apply the activation
step-query-prime-what = An activation function is applied to each number by itself. The result q' is the query in the form in which it is compared with every token.
step-additive = Additive score
step-additive-what = The encoding of each token and the query are added, and tanh brings every number into the range from −1 to 1. The dot product with a weight vector v makes one score of them: how well the token matches the query.
step-bilinear = Bilinear score
step-bilinear-what = The query is multiplied by a matrix M; its dot product with each token's encoding tells how well the two match. M sets which dimensions of the two are compared with each other.
step-classify-logits = Score the classes
step-classify-logits-what = The vector mixed by the attention is turned into one score per class, its logit: the larger it is, the more the vector speaks for that class.
step-classify-max = Largest logit
step-classify-max-what = The largest logit of all classes. It is subtracted before the exponential is taken, which leaves the probabilities as they are and keeps the numbers from growing too large for the computer.
step-classify-exp = Take exponentials
step-classify-exp-what = The exponential makes the value of every class positive, and a lead of 1 becomes a factor of about 2.7. The largest value becomes 1.
step-classify-sum = Sum over the classes
step-classify-sum-what = Adds up the exponentials of all classes: the total that they are divided by to become probabilities.
step-classify-probs = Class probabilities
step-classify-probs-what = Each exponential divided by the sum is the probability of its class; the probabilities sum to 1.
