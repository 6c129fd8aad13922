"""What went wrong with providers elsewhere, or when this was tried, and the test that holds it. Tests of what has no
better place follow."""
from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from sst.clouds.terraform.catalogue import Catalogue, activate

from .test_programs import Stage, stage, two

__all__ = ["stage"]

TESTS = Path(__file__).parents[2]
TRAPS = [
    ("plugins of Go speak TLS with a curve that not every library has",
     "test_each_failure_to_start_has_its_own_message"),
    ("write_only is field 10 in protocol 5 and 11 in protocol 6", "test_it_speaks_both_protocols"),
    ("gRPC takes 4 MB by default", "test_a_large_message_goes_both_ways"),
    ("an unknown value has extension 0, or 12 with what is known of it", "test_a_refined_unknown_is_unknown"),
    ("numbers as decimal text", "test_numbers_that_json_would_round_stay_exact_in_the_state"),
    ("sets come in any order", "test_a_set_is_equal_in_any_order_and_differs_as_a_whole"),
    ("an object has all its attributes", "test_what_the_program_leaves_out_is_null_and_empty"),
    ("a dynamic value brings its type", "test_dynamic_and_nested_attributes"),
    ("a handshake that is late or missing", "test_each_failure_to_start_has_its_own_message"),
    ("a log that nobody reads, lines before the handshake",
     "test_lines_before_the_handshake_and_a_chatty_log_do_no_harm"),
    ("sockets left behind", "test_close_ends_the_process_and_leaves_no_socket"),
    ("a program without its right to execute", "test_a_program_that_lost_its_right_to_execute_is_started"),
    ("a process takes one configuration", "test_a_process_for_each_set_of_settings_and_never_more_than_the_limit"),
    ("a block of endpoints takes hashicorp/aws seconds",
     "test_aws_on_stage_local_gets_the_cloud_of_this_machine_without_a_block_of_endpoints"),
    ("a configuration that waits for a network",
     "test_a_provider_that_is_slow_to_configure_is_named_while_the_user_waits"),
    ("a plugin that outlives the engine", "test_it_dies_with_us"),
    ("a cancelled change loses what it made", "test_an_interrupted_deploy_records_what_a_plugin_was_just_creating"),
    ("a provider without identities", "test_a_provider_without_identities_says_so"),
    ("a provider that answers nothing before its schema was asked for",
     "test_each_process_is_asked_for_its_schema_first"),
    ("attributes called like fields of resources", "test_blocks_and_odd_names_read_as_they_are_written"),
    ("attributes called like options of resources", "test_names_that_python_or_every_resource_has_get_an_underscore"),
    ("attributes called like keywords", "test_blocks_and_odd_names_read_as_they_are_written"),
    ("two providers with types of one name", "test_two_providers_may_have_types_of_one_name"),
    ("one mapping for a block of which there is one, and a list once there may be more",
     "test_one_mapping_stands_for_a_lone_block_and_a_list_for_it_too"),
    ("an object in a list needs all its fields", "test_values_are_converted_as_terraform_does"),
    ("an output in a map, a list, a text, or as a key", "test_an_output_as_a_key_is_known_only_after_the_deploy"),
    ("types of empty blocks, odd names and keys", "test_each_type_checker_knows_each_class"),
    ("secrets in blocks", "test_secrets_are_sealed_nested_ones_and_notes_of_the_provider_too"),
    ("an import before the config was read", "test_from_the_first_add_to_the_last_trace"),
    ("requires_replace names more than what changes", "test_a_new_name_replaces_and_the_old_one_goes_first"),
    ("a default that is promised before the provider was asked",
     "test_settings_that_are_not_known_yet_never_reach_a_process"),
    ("settings that are not known", "test_settings_that_are_not_known_yet_never_reach_a_process"),
    ("nothing changed, but the provider, the time or a file did",
     "test_types_whose_plan_depends_on_files_or_time_are_always_asked_about"),
    ("a creation that failed half-way", "test_a_create_that_left_a_damaged_resource_is_replaced"),
    ("an update that is a replacement once it is made",
     "test_an_update_that_turns_out_to_be_a_replacement_is_not_made_unseen"),
    ("another value than planned", "test_a_promise_that_a_provider_breaks_is_told_and_what_it_made_is_recorded"),
    ("an output that changes against the plan", "test_its_users_follow_in_the_same_deploy"),
    ("a value that the provider spells otherwise", "test_a_difference_that_never_ends_is_not_told_each_time"),
    ("a difference that never ends", "test_a_difference_that_never_ends_is_not_told_each_time"),
    ("an answered error leaves nothing open", "test_a_refusal_without_a_resource_leaves_nothing_open"),
    ("an answered error that left something", "test_a_refusal_without_a_resource_leaves_nothing_open"),
    ("a lost answer holds up one resource alone",
     "test_a_lost_answer_leaves_one_resource_unsure_and_it_can_be_adopted"),
    ("notes of the provider, byte for byte", "test_notes_of_a_provider_come_back_byte_for_byte"),
    ("a state of an older schema", "test_a_state_of_an_older_schema_is_upgraded"),
    ("removal without the program", "test_an_instance_has_settings_of_its_own_from_outputs_and_secrets"),
    ("a provider that left the lock", "test_what_a_state_holds_needs_its_provider"),
    ("another instance for what exists", "test_another_instance_of_the_provider_takes_over_what_exists"),
    ("a saved plan has no plan of the plugin",
     "test_a_plugin_resource_is_adopted_from_terraform_planned_saved_and_rolled_back"),
    ("a rollback of plugin resources", "test_a_rollback_brings_plugin_resources_back"),
    ("write-only values and secrets in states and messages",
     "test_a_write_only_value_is_kept_nowhere_and_another_one_is_sent"),
    ("changed, unsafe or foreign packages", "test_each_fault_has_its_own_message_and_nothing_is_installed"),
    ("a lock made from a mirror", "test_a_mirror_needs_no_network_and_its_lock_holds_at_the_origin"),
    ("two installs at once", "test_two_installs_at_once_leave_one_folder"),
    ("a full disk", "test_a_full_disk_leaves_nothing_half_installed"),
    ("a provider that has another name now", "test_what_the_registry_says_of_a_provider_is_told"),
    ("what is adopted, imported or rolled back was never planned",
     "test_after_an_adoption_the_provider_is_asked_once_more"),
    # and some more
    ("providers called like those of sst", "test_import_forms"),
    ("secrets in messages", "test_a_message_of_the_plugin_does_not_show_a_secret"),
    ("another signer", "test_another_signer_than_the_locked_one_is_refused"),
    ("a redirect to another host", "test_another_host_that_serves_the_packages_does_not_get_the_token"),
    ("kill -9 of the engine", "test_the_engine_is_killed"),
    ("kill -9 of a plugin", "test_the_plugin_is_killed"),
    ("types that are renamed", "test_a_resource_goes_on_as_another_type"),
    ("types that went to another provider", "test_a_resource_goes_on_at_another_provider"),
    ("a download that always breaks off", "test_a_download_that_always_breaks_off_installs_nothing"),
    ("a lock that was edited by hand", "test_a_damaged_lock_is_told_with_its_place"),
    ("a cache that is read-only", "test_a_cache_that_can_not_be_written_does_no_harm"),
    ("a real plugin of protocol 6", "test_its_types_are_planned_and_a_refusal_leaves_nothing_open"),
    ("skipped plans", "test_what_did_not_change_starts_no_process"),
    ("a call that the plugin gives up", "test_a_call_that_is_given_up_leaves_its_outcome_open"),
]


def test_each_trap_has_a_test() -> None:
    files = [f for place in ("clouds/terraform", "plugins", "cli") for f in (TESTS / place).glob("test_*.py")]
    there = {name for f in files for name in re.findall(r"def (test_\w+)", f.read_text())}
    assert not {test for _, test in TRAPS} - there


@pytest.mark.long
def test_a_program_that_lost_its_right_to_execute_is_started(stage: Stage, project: Catalogue, tmp_path: Path) -> None:
    """As packages of PyPI do to it."""
    link = next((tmp_path / "mirror").rglob("terraform-provider-fake*"))
    program = link.resolve()
    link.unlink()
    shutil.copyfile(program, link)
    link.chmod(0o644)
    assert stage.plan(two).changes


@pytest.mark.long
def test_each_process_is_asked_for_its_schema_first(stage: Stage, project: Catalogue) -> None:
    project.schemas("fake")
    log = Path(project.environ["FAKE_FOLDER"]) / "log"
    log.unlink()
    stage.plan(two)
    assert log.read_text().split()[:2] == ["start", "GetProviderSchema"]


@pytest.mark.long
def test_a_cache_that_can_not_be_written_does_no_harm(stage: Stage, project: Catalogue, tmp_path: Path) -> None:
    """As in a container whose file system is read-only."""
    (tmp_path / "file").touch()
    activate(Catalogue(project.root, {**project.environ, "XDG_CACHE_HOME": str(tmp_path / "file/cache")}))
    assert stage.plan(two).changes
