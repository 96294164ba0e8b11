// A kernel set that runs another one and keeps time: where a step of the engine goes, by kernel and shape.
#pragma once

#include "engine/fused/kernels.h"

#include <time.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace magnet::bench {

struct time_spent {
    double  cpu_s  = 0.0;
    double  flops  = 0.0;
    int64_t n_calls = 0;
};

class timed_kernels {
public:
    // Not NULL while kernels of a set made by this class run.
    static std::map<std::string, time_spent> & spent() {
        static std::map<std::string, time_spent> all;
        return all;
    }

    static const fused::kernel_set & around(const fused::kernel_set & set) {
        static fused::kernel_table<fused::bf16> bf16_table  = table(set.bf16_table);
        static fused::kernel_table<float>       float_table = table(set.f32_table);
        static fused::kernel_set                timed       = set;
        timed.bf16_table                                    = &bf16_table;
        timed.f32_table                                     = &float_table;
        return timed;
    }

private:
    static double cpu_now() {
        timespec t;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
    }

    template <class T>
    static double flops_of(const fused::gemm_args<T> & g) {
        double k = 0.0;
        for (int32_t i = 0; i < g.n_terms; ++i) {
            k += g.terms[i].k;
        }
        return 2.0 * g.m * g.n * k / g.part.size;
    }
    template <class T>
    static std::string shape(const fused::gemm_args<T> & g) {
        std::string s = " N " + std::to_string(g.n) + " K";
        for (int32_t i = 0; i < g.n_terms; ++i) {
            s += (i == 0 ? " " : "+") + std::to_string(g.terms[i].k);
        }
        return s;
    }

    // What a call multiplies, if that is known.
    template <class T, class... Rest>
    static void describe(const char * name, std::string & label, double & flops, const fused::gemm_args<T> & g,
                         Rest...) {
        label = name + shape(g);
        flops = flops_of(g);
    }
    template <class T>
    static void describe(const char * name, std::string & label, double & flops, const fused::gated_args<T> & g) {
        label = name + shape(g.gate);
        flops = 2.0 * flops_of(g.gate);
    }
    template <class T>
    static void describe(const char * name, std::string & label, double & flops,
                         const fused::gated_backward_args<T> & g) {
        label = name + shape(g.dh);
        flops = flops_of(g.dh);
    }
    template <class... Args>
    static void describe(const char * name, std::string & label, double & flops, const Args &...) {
        label = name;
        flops = 0.0;
    }

    template <class T>
    static const fused::kernel_table<T> *& inner() {
        static const fused::kernel_table<T> * table = nullptr;
        return table;
    }

    struct stopwatch {
        stopwatch(std::string label, double flops) : label(std::move(label)), flops(flops), begin(cpu_now()) {}
        ~stopwatch() {
            const double                      s = cpu_now() - begin;
            static std::mutex                 mutex;
            const std::lock_guard<std::mutex> lock(mutex);
            time_spent &                      t = spent()[label];
            t.cpu_s += s;
            t.flops += flops;
            ++t.n_calls;
        }
        std::string label;
        double      flops;
        double      begin;
    };

    template <class T, auto Member>
    struct timed;
    template <class T, class R, class... Args, R (*fused::kernel_table<T>::*Member)(Args...)>
    struct timed<T, Member> {
        static const char *& name() {
            static const char * n = nullptr;
            return n;
        }
        static R call(Args... args) {
            std::string label;
            double      flops = 0.0;
            describe(name(), label, flops, args...);
            const stopwatch watch(std::move(label), flops);
            return (inner<T>()->*Member)(args...);
        }
    };

    template <class T>
    static fused::kernel_table<T> table(const fused::kernel_table<T> * of) {
        inner<T>() = of;
        fused::kernel_table<T> t = *of;
#define MAGNET_TIMED(member)                                          \
    timed<T, &fused::kernel_table<T>::member>::name() = #member; \
    t.member                                          = timed<T, &fused::kernel_table<T>::member>::call
        MAGNET_TIMED(gemm);
        MAGNET_TIMED(gemm_f32);
        MAGNET_TIMED(gemm_add);
        MAGNET_TIMED(gated);
        MAGNET_TIMED(gated_backward);
        MAGNET_TIMED(rms_norm);
        MAGNET_TIMED(rms_norm_backward);
        MAGNET_TIMED(residual);
        MAGNET_TIMED(residual_backward);
        MAGNET_TIMED(qkv);
        MAGNET_TIMED(qkv_backward);
        MAGNET_TIMED(attention);
        MAGNET_TIMED(attention_backward);
        MAGNET_TIMED(convert);
        MAGNET_TIMED(drop);
        MAGNET_TIMED(pack);
        MAGNET_TIMED(pack_transposed);
        MAGNET_TIMED(transpose);
        MAGNET_TIMED(log_sum_exp);
        MAGNET_TIMED(softmax_gradient);
        MAGNET_TIMED(softmax_part);
        MAGNET_TIMED(softmax_difference);
#undef MAGNET_TIMED
        return t;
    }
};

} // namespace magnet::bench
