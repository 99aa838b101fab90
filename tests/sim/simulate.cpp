/* simulate: campaigns of simulated runs, and the replay of one. docs/simulation.md has examples. */
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "campaign.hpp"
#include "choice_file.hpp"
#include "invariants.hpp"
#include "shrink.hpp"

namespace sim_test
{

namespace
{

const char usage[] =
    "usage: simulate --life-cycles N [--seed S] [--jobs J]   runs until N sessions have lived and died\n"
    "       simulate --seeds FIRST COUNT [--jobs J]          COUNT runs\n"
    "       simulate --seed S [--trace]                      one run, each of its steps on standard error\n"
    "       simulate --replay FILE [--trace]                 the run of recorded choices\n"
    "       simulate --hash FIRST COUNT                      one number for the traces of COUNT runs\n"
    "       simulate --invariants                            what is checked\n"
    "  --no-shrink: a violated run is not made simpler; --output FILE: where the simpler one goes\n";

struct Options {
    std::string program;
    Campaign campaign;
    bool one_seed = false;
    bool trace = false;
    bool hash_only = false;
    bool list = false;
    bool shrinks = true;
    uint32_t shrink_seconds = 120;
    std::string replay;
    std::string output;
};

/* ---- what is printed ---- */

void print_violation(const SeriesResult &result, const std::string &origin)
{
    std::printf("violation: %s: %s (%s)\n", result.invariant, result.text, origin.c_str());
}

void print_totals(const SeriesResult &result, double seconds)
{
    std::printf("%" PRIu64 " runs, %" PRIu64 " life cycles, %" PRIu64 " steps, %" PRIu64 " preemptions, %d violations, "
                "%.1f s, %.0f life cycles/s, hash %016" PRIx64 "\n",
                result.runs, result.life_cycles, result.steps, result.preemptions, result.violated ? 1 : 0, seconds,
                static_cast<double>(result.life_cycles) / (seconds > 0 ? seconds : 1), result.hash);
}

void shrink_and_report(const Options &options, const SeriesResult &violated, std::vector<uint8_t> choices)
{
    std::fflush(stdout);
    const Shrunk shrunk = shrink(std::move(choices), violated.invariant, options.shrink_seconds);
    const std::string path =
        options.output.empty() ? "simulate-" + std::to_string(violated.seed) + ".choices" : options.output;
    const std::string remark = std::string(shrunk.result.invariant) + ": " + shrunk.result.text;
    if (!write_choices(path, remark, shrunk.choices)) {
        std::printf("can not write %s\n", path.c_str());
        return;
    }
    std::printf("shrunk: %zu choices, %" PRIu64 " of %" PRIu64 " steps, after %" PRIu64 " trials: %s\n",
                shrunk.choices.size(), shrunk.result.violation_steps, violated.violation_steps, shrunk.trials,
                remark.c_str());
    std::printf("replay: %s --replay %s --trace\n", options.program.c_str(), path.c_str());
}

/* ---- what is done ---- */

int list_invariants()
{
    size_t count;
    const Invariant *table = all_invariants(&count);
    for (size_t i = 0; i < count; i++) {
        std::printf("| %s | %s |\n", table[i].name, table[i].rule);
    }
    return 0;
}

int replay_file(const Options &options)
{
    std::vector<uint8_t> choices;
    if (!read_choices(options.replay, choices)) {
        std::fprintf(stderr, "%s can not be read\n", options.replay.c_str());
        return 2;
    }
    Series series;
    const uint8_t nothing[1] = {};
    series.bytes = choices.empty() ? nothing : choices.data();
    series.size = choices.size();
    series.trace = options.trace;
    const SeriesResult result = run_child(series);
    if (result.violated) {
        print_violation(result, options.replay);
    }
    print_totals(result, 0);
    return result.violated ? 1 : 0;
}

int run_one(const Options &options)
{
    Series series;
    series.first_seed = options.campaign.first_seed;
    series.trace = options.trace;
    const SeriesResult result = run_child(series);
    if (result.violated) {
        print_violation(result, "seed " + std::to_string(result.seed));
    }
    print_totals(result, 0);
    return result.violated ? 1 : 0;
}

int run_many(const Options &options)
{
    const auto begun = std::chrono::steady_clock::now();
    const SeriesResult result = run_campaign(options.campaign);
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begun;
    if (options.hash_only && !result.violated) {
        std::printf("%016" PRIx64 "\n", result.hash);
        return 0;
    }
    print_totals(result, passed.count());
    if (!result.violated) {
        return 0;
    }
    print_violation(result, "seed " + std::to_string(result.seed));
    std::printf("replay: %s --seed %" PRIu64 " --trace\n", options.program.c_str(), result.seed);
    if (options.shrinks) {
        shrink_and_report(options, result, record_choices(result.seed));
    }
    return 1;
}

/* ---- the command line ---- */

class Arguments
{
public:
    Arguments(int count, char **words) : words_(words + 1, words + count) {}

    bool next(std::string &word)
    {
        if (at_ == words_.size()) {
            return false;
        }
        word = words_[at_++];
        return true;
    }
    bool number(uint64_t &value)
    {
        std::string word;
        if (!next(word)) {
            return false;
        }
        char *end;
        value = std::strtoull(word.c_str(), &end, 0);
        return end != word.c_str() && *end == 0;
    }

private:
    std::vector<std::string> words_;
    size_t at_ = 0;
};

bool read_numbers(const std::string &word, Arguments &arguments, Options &options)
{
    Campaign &campaign = options.campaign;
    uint64_t value;
    if (word == "--seeds" || word == "--hash") {
        options.hash_only = word == "--hash";
        return arguments.number(campaign.first_seed) && arguments.number(campaign.runs);
    }
    if (!arguments.number(value)) {
        return false;
    }
    if (word == "--life-cycles") {
        campaign.life_cycles = value;
    } else if (word == "--seed") {
        campaign.first_seed = value;
        options.one_seed = true;
    } else if (word == "--jobs") {
        campaign.jobs = static_cast<uint32_t>(value);
    } else if (word == "--shrink-seconds") {
        options.shrink_seconds = static_cast<uint32_t>(value);
    } else {
        return false;
    }
    return true;
}

bool read_options(Arguments arguments, Options &options)
{
    std::string word;
    while (arguments.next(word)) {
        if (word == "--trace") {
            options.trace = true;
        } else if (word == "--no-shrink") {
            options.shrinks = false;
        } else if (word == "--invariants") {
            options.list = true;
        } else if (word == "--replay" || word == "--output") {
            if (!arguments.next(word == "--replay" ? options.replay : options.output)) {
                return false;
            }
        } else if (!read_numbers(word, arguments, options)) {
            return false;
        }
    }
    const Campaign &campaign = options.campaign;
    return campaign.jobs != 0 && (options.list || !options.replay.empty() || options.one_seed || campaign.runs != 0 ||
                                  campaign.life_cycles != 0);
}

int run(int count, char **words)
{
    Options options;
    options.program = words[0];
    if (!read_options(Arguments(count, words), options)) {
        std::fputs(usage, stderr);
        return 2;
    }
    if (options.list) {
        return list_invariants();
    }
    if (!options.replay.empty()) {
        return replay_file(options);
    }
    const bool many = options.campaign.runs != 0 || options.campaign.life_cycles != 0;
    return many ? run_many(options) : run_one(options);
}

} // namespace

} // namespace sim_test

int main(int count, char **words)
{
    return sim_test::run(count, words);
}
