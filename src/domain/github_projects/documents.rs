//! What is asked of GitHub's GraphQL API. A test executes each of these with GitHub's published schema.

/// A project of an organization or a user, with its fields.
pub(super) const PROJECT: &str = "query Project($owner: String!, $number: Int!) {
  rateLimit { cost }
  repositoryOwner(login: $owner) {
    ... on Organization { projectV2(number: $number) { ...Found } }
    ... on User { projectV2(number: $number) { ...Found } }
  }
}
fragment Found on ProjectV2 {
  id title url closed viewerCanUpdate
  items(first: 1) { totalCount }
  fields(first: 100) { nodes {
    ... on ProjectV2FieldCommon { id name dataType }
    ... on ProjectV2SingleSelectField { options { id name } }
  } }
}";

/// The fields of a project that is known.
pub(super) const FIELDS: &str = "query Fields($project: ID!) {
  rateLimit { cost }
  node(id: $project) { ... on ProjectV2 {
    id title url closed viewerCanUpdate
    items(first: 1) { totalCount }
    fields(first: 100) { nodes {
      ... on ProjectV2FieldCommon { id name dataType }
      ... on ProjectV2SingleSelectField { options { id name } }
    } }
  } }
}";

/// A hundred items: only what tells whether they have changed. A hundred cost one point.
pub(super) const LIST: &str = "query List($project: ID!, $after: String) {
  rateLimit { cost }
  node(id: $project) { ... on ProjectV2 { items(first: 100, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { id type updatedAt content {
      ... on DraftIssue { title updatedAt }
      ... on Issue { title updatedAt url }
      ... on PullRequest { title updatedAt url }
    } }
  } } }
}";

/// Items with all that is kept in sync.
pub(super) const ITEMS: &str = "query Items($ids: [ID!]!, $withBody: Boolean!) {
  rateLimit { cost }
  nodes(ids: $ids) { ... on ProjectV2Item {
    id type isArchived updatedAt
    fieldValues(first: 50) { nodes {
      ... on ProjectV2ItemFieldSingleSelectValue { optionId updatedAt field { ...Id } }
      ... on ProjectV2ItemFieldIterationValue { iterationId startDate duration updatedAt field { ...Id } }
      ... on ProjectV2ItemFieldNumberValue { number updatedAt field { ...Id } }
      ... on ProjectV2ItemFieldDateValue { date updatedAt field { ...Id } }
    } }
    content {
      ... on DraftIssue { __typename id title updatedAt body @include(if: $withBody) assignees(first: 20) { nodes { id login } } }
      ... on Issue {
        __typename id title updatedAt url body @include(if: $withBody) repository { id }
        assignees(first: 20) { nodes { id login } } labels(first: 100) { nodes { id name } }
      }
      ... on PullRequest {
        __typename id title updatedAt url body @include(if: $withBody) repository { id }
        assignees(first: 20) { nodes { id login } } labels(first: 100) { nodes { id name } }
      }
    }
  } }
}
fragment Id on ProjectV2FieldConfiguration { ... on ProjectV2FieldCommon { id } }";

/// The id of a person.
pub(super) const USER: &str =
    "query Person($login: String!) { rateLimit { cost } user(login: $login) { id } }";

/// The id of a label of a repository.
pub(super) const LABEL: &str = "query LabelOf($repository: ID!, $name: String!) {
  rateLimit { cost }
  node(id: $repository) { ... on Repository { label(name: $name) { id } } }
}";

pub(super) const CREATE_LABEL: &str = "mutation CreateLabel($repository: ID!, $name: String!) {
  createLabel(input: { repositoryId: $repository, name: $name, color: \"ededed\" }) { label { id } }
}";

pub(super) const ADD_DRAFT: &str = "mutation AddDraft($project: ID!, $title: String!, $body: String!, $assignees: [ID!]) {
  addProjectV2DraftIssue(input: { projectId: $project, title: $title, body: $body, assigneeIds: $assignees }) { projectItem { id } }
}";

/// Sets a field. Never an iteration: setting one field's value is harmless, but nothing of ours may write iterations.
pub(super) const SET_FIELD: &str = "mutation SetField($project: ID!, $item: ID!, $field: ID!, $value: ProjectV2FieldValue!) {
  updateProjectV2ItemFieldValue(input: { projectId: $project, itemId: $item, fieldId: $field, value: $value }) { projectV2Item { id } }
}";

pub(super) const CLEAR_FIELD: &str = "mutation ClearField($project: ID!, $item: ID!, $field: ID!) {
  clearProjectV2ItemFieldValue(input: { projectId: $project, itemId: $item, fieldId: $field }) { projectV2Item { id } }
}";

/// A draft's assignees can only be written as a whole.
pub(super) const UPDATE_DRAFT: &str = "mutation UpdateDraft($id: ID!, $title: String, $assignees: [ID!]) {
  updateProjectV2DraftIssue(input: { draftIssueId: $id, title: $title, assigneeIds: $assignees }) { draftIssue { assignees(first: 20) { nodes { id login } } } }
}";

/// Changes an issue or a pull request. People and labels are added and removed one by one, so that what somebody else
/// changes meanwhile stays. The last part that is done tells what it has then.
macro_rules! update {
    ($name:literal, $mutation:literal, $id:literal, $answer:literal) => {
        concat!(
            "mutation ",
            $name,
            "($id: ID!, $title: String, $retitles: Boolean!, $assigned: [ID!]!, $assigns: Boolean!, $unassigned: [ID!]!, $unassigns: Boolean!, $labelled: [ID!]!, $labels: Boolean!, $unlabelled: [ID!]!, $unlabels: Boolean!) {
  title: ",
            $mutation,
            "(input: { ",
            $id,
            ": $id, title: $title }) @include(if: $retitles) { ",
            $answer,
            " { ...Now } }
  assign: addAssigneesToAssignable(input: { assignableId: $id, assigneeIds: $assigned }) @include(if: $assigns) { assignable { ...Now } }
  unassign: removeAssigneesFromAssignable(input: { assignableId: $id, assigneeIds: $unassigned }) @include(if: $unassigns) { assignable { ...Now } }
  label: addLabelsToLabelable(input: { labelableId: $id, labelIds: $labelled }) @include(if: $labels) { labelable { ...Now } }
  unlabel: removeLabelsFromLabelable(input: { labelableId: $id, labelIds: $unlabelled }) @include(if: $unlabels) { labelable { ...Now } }
}
fragment Now on Node {
  ... on Issue { assignees(first: 20) { nodes { id login } } labels(first: 100) { nodes { id name } } }
  ... on PullRequest { assignees(first: 20) { nodes { id login } } labels(first: 100) { nodes { id name } } }
}"
        )
    };
}

pub(super) const UPDATE_ISSUE: &str = update!("UpdateIssue", "updateIssue", "id", "issue");

pub(super) const UPDATE_PULL_REQUEST: &str = update!(
    "UpdatePullRequest",
    "updatePullRequest",
    "pullRequestId",
    "pullRequest"
);

pub(super) const ARCHIVE: &str = "mutation Archive($project: ID!, $item: ID!) {
  archiveProjectV2Item(input: { projectId: $project, itemId: $item }) { item { id } }
}";

pub(super) const UNARCHIVE: &str = "mutation Unarchive($project: ID!, $item: ID!) {
  unarchiveProjectV2Item(input: { projectId: $project, itemId: $item }) { item { id } }
}";
