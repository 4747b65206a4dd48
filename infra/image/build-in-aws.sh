#!/bin/sh
# Builds the tools' image in AWS CodeBuild from this clone's last commit, for a machine without Docker. Prints the image's name with its
# digest, and nothing else, on stdout. Needs the AWS command line, git, and AWS_REGION. A commit that was built before is not built again.
#   HOLDFAST_IMAGE=$(infra/image/build-in-aws.sh)
set -eu

: "${AWS_REGION:?set AWS_REGION to the region that you deploy to}"
export AWS_REGION AWS_DEFAULT_REGION="$AWS_REGION" AWS_PAGER=""
poll_seconds=${HOLDFAST_POLL_SECONDS:-10}
stack=holdfast-image
cd "$(dirname "$0")/../.."

say() { echo "$*" >&2; }

output_of() {
  aws cloudformation describe-stacks --stack-name "$stack" --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue" --output text
}

digest_of() {
  aws ecr describe-images --repository-name "$1" --image-ids imageTag="$2" --query 'imageDetails[0].imageDigest' --output text
}

say "Stack $stack in $AWS_REGION: repository and build project"
aws cloudformation deploy --stack-name "$stack" --template-file infra/image/image.yml --capabilities CAPABILITY_NAMED_IAM \
  --no-fail-on-empty-changeset >&2
repository=$(output_of Repository)
bucket=$(output_of SourceBucket)
project=$(output_of Project)
name=${repository#*/}
tag=$(git rev-parse --short=12 HEAD)
git diff --quiet HEAD || say "Note: changes that are not committed are not in the image."

if ! digest=$(digest_of "$name" "$tag" 2> /dev/null); then
  # A new account may be allowed no such build at all. Who may not ask finds out by building.
  builds=$(aws service-quotas get-service-quota --service-code codebuild --quota-code L-596BEAB4 --query Quota.Value --output text 2> /dev/null || true)
  case $builds in 0 | 0.0)
    say "This account may run no ARM/Large builds in $AWS_REGION (quota 0). Ask for 1, which takes AWS minutes to days:"
    say "  aws service-quotas request-service-quota-increase --region $AWS_REGION --service-code codebuild --quota-code L-596BEAB4 --desired-value 1"
    say "Until then build with GitHub Actions or Docker: docs/deploy.md, \"The image\"."
    exit 1
  esac
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  git archive --format=zip --output "$work/source.zip" HEAD
  aws s3 cp --only-show-errors "$work/source.zip" "s3://$bucket/source.zip" >&2
  build=$(aws codebuild start-build --project-name "$project" --environment-variables-override name=TAG,value="$tag" \
    --query build.id --output text)
  say "Build $build of commit $tag; PostgreSQL is compiled, which takes a while. Its log: /holdfast/image in CloudWatch"
  while :; do
    status=$(aws codebuild batch-get-builds --ids "$build" --query 'builds[0].buildStatus' --output text)
    case $status in
      IN_PROGRESS) sleep "$poll_seconds" ;;
      SUCCEEDED) break ;;
      *) say "The build ended with $status: aws logs tail /holdfast/image --since 1h"; exit 1 ;;
    esac
  done
  digest=$(digest_of "$name" "$tag")
fi
echo "$repository@$digest"
