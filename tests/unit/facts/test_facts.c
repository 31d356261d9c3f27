/* The cache of facts: counting, what a commit must save, and that its memory is bounded and accounted for. */
#include "facts/facts.h"

#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fact_key key_of(uint32_t centre, int32_t index)
{
    return (struct fact_key){.centre = centre, .activity = centre % 5, .index = index, .span = centre % 3};
}

static struct fact *hold(struct facts *facts, uint32_t centre, int32_t index)
{
    struct fact_key key = key_of(centre, index);
    struct fact *fact = facts_insert(facts, &key, true);
    assert_non_null(fact);
    return fact;
}

/* Facts point at what they hold, so what is left after everything is forgotten is the table alone. */
static size_t bytes_beside_the_table(struct facts *facts, size_t empty)
{
    return facts_bytes(facts) - empty;
}

static void a_fact_counts_events_seconds_users_and_devices(void **state)
{
    struct facts *facts = facts_new();
    struct fact *fact = hold(facts, 1, 20000);
    (void)state;
    assert_int_equal(fact_count(facts, fact, 60, true, 11, 21), 0);
    assert_int_equal(fact_count(facts, fact, 40, true, 11, 22), 0);
    assert_int_equal(fact_count(facts, fact, 0, false, 0, 22), 0);
    assert_int_equal(fact->events, 3);
    assert_int_equal(fact->seconds, 100);
    assert_int_equal(distinct_count(&fact->sets->users), 1);
    assert_int_equal(distinct_count(&fact->sets->devices), 2);
    facts_free(&facts);
    assert_null(facts);
}

static void an_hour_has_no_sets(void **state)
{
    struct facts *facts = facts_new();
    struct fact_key key = key_of(1, 5);
    struct fact *fact = facts_insert(facts, &key, false);
    (void)state;
    assert_null(fact->sets);
    assert_int_equal(fact_count(facts, fact, 60, true, 11, 21), 0);
    assert_int_equal(fact->events, 1);
    facts_free(&facts);
}

static void a_fact_is_found_by_all_of_its_key(void **state)
{
    struct facts *facts = facts_new();
    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        struct fact_key key = {
            .centre = i % 17, .activity = i / 17 % 7, .index = (int32_t)(i / 119) - 20, .span = i % 3};
        if (facts_find(facts, &key) == NULL) {
            assert_non_null(facts_insert(facts, &key, false));
        }
    }
    for (uint32_t i = 0; i < 5000; i++) {
        struct fact_key key = {
            .centre = i % 17, .activity = i / 17 % 7, .index = (int32_t)(i / 119) - 20, .span = i % 3};
        struct fact *fact = facts_find(facts, &key);
        assert_non_null(fact);
        assert_memory_equal(&fact->key, &key, sizeof key);
        key.index = 1000;
        assert_null(facts_find(facts, &key));
    }
    facts_free(&facts);
}

static void a_changed_fact_is_listed_once_until_it_is_saved(void **state)
{
    struct facts *facts = facts_new();
    struct fact *one = hold(facts, 1, 1), *other = hold(facts, 2, 1);
    (void)state;
    assert_int_equal(facts_changed_count(facts), 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(fact_count(facts, one, 1, true, 5, 6), 0);
    }
    assert_int_equal(facts_changed_count(facts), 1);
    assert_ptr_equal(facts_changed(facts, 0), one);
    assert_true(one->sets->users_changed && one->sets->devices_changed);

    facts_saved(facts);

    assert_int_equal(facts_changed_count(facts), 0);
    assert_int_equal(fact_count(facts, one, 1, true, 5, 7), 0);
    assert_int_equal(fact_count(facts, other, 1, false, 0, 7), 0);
    assert_int_equal(facts_changed_count(facts), 2);
    assert_false(one->sets->users_changed); /* the same user: the stored set is right as it is */
    assert_true(one->sets->devices_changed);
    facts_free(&facts);
}

static void shrinking_never_drops_what_is_not_saved(void **state)
{
    struct facts *facts = facts_new();
    (void)state;
    for (uint32_t i = 0; i < 3000; i++) {
        struct fact *fact = hold(facts, i, 7);
        if (i % 3 == 0) {
            assert_int_equal(fact_count(facts, fact, i, true, i, i), 0);
        }
    }
    facts_shrink(facts, 0);
    assert_int_equal(facts_changed_count(facts), 1000);
    for (uint32_t i = 0; i < 3000; i++) {
        struct fact_key key = key_of(i, 7);
        struct fact *fact = facts_find(facts, &key);
        assert_int_equal(fact != NULL, i % 3 == 0);
        assert_true(fact == NULL || (fact->events == 1 && fact->seconds == i));
    }
    facts_saved(facts);
    facts_shrink(facts, 0);
    for (uint32_t i = 0; i < 3000; i++) {
        struct fact_key key = key_of(i, 7);
        assert_null(facts_find(facts, &key));
    }
    facts_free(&facts);
}

static void shrinking_drops_first_what_was_not_used_lately(void **state)
{
    struct facts *facts = facts_new();
    size_t empty = facts_bytes(facts);
    (void)state;
    for (uint32_t i = 0; i < 600; i++) {
        hold(facts, i, 7);
    }
    size_t full = bytes_beside_the_table(facts, empty);
    facts_shrink(facts, full - 1); /* all were touched: none is older than another */
    assert_int_equal(bytes_beside_the_table(facts, empty), 0);
    for (uint32_t i = 0; i < 600; i++) {
        struct fact *fact = hold(facts, i, 7);
        assert_int_equal(fact_count(facts, fact, 0, false, 0, 1), 0);
    }
    full = facts_bytes(facts) - empty;
    facts_shrink(facts, full - 1); /* unsaved ones stay, but are not lately used from now on */
    facts_saved(facts);
    for (uint32_t i = 0; i < 100; i++) {
        struct fact_key key = key_of(i, 7);
        assert_non_null(facts_find(facts, &key));
    }
    facts_shrink(facts, full / 2);
    for (uint32_t i = 0; i < 600; i++) {
        struct fact_key key = key_of(i, 7);
        assert_int_equal(facts_find(facts, &key) != NULL, i < 100);
    }
    facts_free(&facts);
}

/* Facts loaded from a store bring sets that nobody counted in here: they must not be taken off twice. */
static void accounted_memory_returns_to_zero(void **state)
{
    uint64_t random = random_seed();
    struct facts *facts = facts_new();
    size_t empty = facts_bytes(facts);
    (void)state;
    for (int round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 300; i++) {
            struct fact *fact = hold(facts, i, round);
            for (uint64_t k = random_below(&random, 40); k > 0; k--) {
                assert_int_not_equal(distinct_add(&fact->sets->users, random_next(&random)), -2);
            }
            facts_loaded(facts, fact);
            for (uint64_t k = random_below(&random, 40); k > 0; k--) {
                assert_int_equal(fact_count(facts, fact, 1, true, random_next(&random), random_next(&random)), 0);
            }
        }
        assert_true(bytes_beside_the_table(facts, empty) > 300 * sizeof(struct fact));
        facts_saved(facts);
        facts_shrink(facts, 0);
        assert_int_equal(bytes_beside_the_table(facts, empty), 0);
    }
    hold(facts, 1, 1);
    facts_forget(facts);
    assert_int_equal(bytes_beside_the_table(facts, empty), 0);
    assert_int_equal(facts_changed_count(facts), 0);
    facts_free(&facts);
}

static void accounted_memory_grows_with_the_sets(void **state)
{
    struct facts *facts = facts_new();
    struct fact *fact = hold(facts, 1, 1);
    size_t before = facts_bytes(facts);
    uint64_t random = 1;
    (void)state;
    for (int i = 0; i < 4096; i++) {
        assert_int_equal(fact_count(facts, fact, 1, true, random_next(&random), 7), 0);
    }
    assert_in_range(facts_bytes(facts) - before, 4096 * 8, 2 * 4096 * 8 + 100);
    facts_free(&facts);
}

static void facts_keep_their_address_while_they_are_held(void **state)
{
    struct facts *facts = facts_new();
    struct fact *first = hold(facts, 0, 3);
    (void)state;
    for (uint32_t i = 1; i < 20000; i++) {
        hold(facts, i, 3);
    }
    struct fact_key key = key_of(0, 3);
    assert_ptr_equal(facts_find(facts, &key), first);
    facts_free(&facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fact_counts_events_seconds_users_and_devices),
        cmocka_unit_test(an_hour_has_no_sets),
        cmocka_unit_test(a_fact_is_found_by_all_of_its_key),
        cmocka_unit_test(a_changed_fact_is_listed_once_until_it_is_saved),
        cmocka_unit_test(shrinking_never_drops_what_is_not_saved),
        cmocka_unit_test(shrinking_drops_first_what_was_not_used_lately),
        cmocka_unit_test(accounted_memory_returns_to_zero),
        cmocka_unit_test(accounted_memory_grows_with_the_sets),
        cmocka_unit_test(facts_keep_their_address_while_they_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
